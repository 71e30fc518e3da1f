import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { LLAMA_VERSION } from "../../ffi/library/version.ts";
import {
  type Conversation,
  CONVERSATIONS,
  openAiBody,
} from "../../scripts/goldens/conversations.ts";
import {
  fingerprint,
  type NamedTemplate,
  renderingRows,
  withTemplateServer,
} from "../../scripts/goldens/templates.ts";
import { renderText } from "../../src/chat/prompt/prompt.ts";
import { ShimmyError } from "../../src/errors.ts";
import { EngineDouble } from "../doubles/engine.ts";
import { chatInput } from "../support/chat_request.ts";
import golden from "../golden/templates.json" with { type: "json" };
import { EXPECTED_DIFFERENCES } from "./expectations.ts";
import { pinnedTemplates } from "./pinned.ts";

const MODEL = fileURLToPath(new URL("../../src/assets/tiny/shimmy-tiny.gguf", import.meta.url));
const { templates, missing } = await pinnedTemplates();
const program = Deno.env.get("SHIMMY_LLAMA_SERVER");

async function ours(
  template: NamedTemplate,
  { messages, tools }: Conversation,
): Promise<string | null> {
  const { bosText, eosText } = golden;
  const { info } = new EngineDouble({ info: { chatTemplate: template.source, bosText, eosText } });
  try {
    return await renderText(info, chatInput({ messages, tools }));
  } catch (error) {
    if (error instanceof ShimmyError) return null;
    throw error;
  }
}

/**
 * Conversations whose rendering has another fingerprint than llama.cpp's, with Shimmy's rendering.
 */
async function differences(template: NamedTemplate): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const conversation of CONVERSATIONS) {
    const row = golden.rows.find((row) =>
      row.template === template.name && row.conversation === conversation.name
    );
    assert(row, `no golden fact about ${template.name} with "${conversation.name}"`);
    const text = await ours(template, conversation);
    const mine = await fingerprint(text);
    if (mine?.sha256 !== row.rendered?.sha256 || mine?.bytes !== row.rendered?.bytes) {
      found[conversation.name] = { ours: text, mine, theirs: row.rendered };
    }
  }
  return found;
}

function assertExpected(name: string, found: Readonly<Record<string, unknown>>): void {
  const expected = Object.keys(EXPECTED_DIFFERENCES[name] ?? {}).sort();
  const unexpected = Object.entries(found).filter(([name]) => !expected.includes(name));
  assertEquals(unexpected, [], "renderings that should be equal differ");
  assertEquals(Object.keys(found).sort(), expected, "a listed difference is gone: unlist it");
}

for (const template of templates) {
  Deno.test(`${template.name} is rendered as llama.cpp renders it`, async () => {
    assertExpected(template.name, await differences(template));
  });
}

for (const template of program ? templates : []) {
  Deno.test(`the golden facts about ${template.name} are what llama.cpp's server says`, async () => {
    await withTemplateServer(program!, MODEL, template, async (server) => {
      const { bosText, eosText } = golden;
      const properties = await server.properties();
      assertEquals([properties.bosText, properties.eosText], [bosText, eosText]);
      assertEquals(
        await renderingRows(template.name, server),
        golden.rows.filter((row) => row.template === template.name),
      );
      const found: Record<string, unknown> = {};
      for (const conversation of CONVERSATIONS) {
        const [mine, theirs] = await Promise.all([
          ours(template, conversation),
          server.render(openAiBody(conversation)),
        ]);
        if (mine !== theirs) found[conversation.name] = { ours: mine, theirs };
      }
      assertExpected(template.name, found);
    });
  });
}

Deno.test({
  name: `all golden facts and expected differences are about templates that are there${missing}`,
  ignore: missing !== "",
  fn() {
    assertEquals(golden.llama, LLAMA_VERSION);
    const names = templates.map(({ name }) => name);
    assertEquals([...new Set(golden.rows.map(({ template }) => template))].sort(), names.sort());
    assertEquals(golden.rows.length, names.length * CONVERSATIONS.length);
    assertEquals(Object.keys(EXPECTED_DIFFERENCES).filter((name) => !names.includes(name)), []);
  },
});

Deno.test({
  name: `all but the listed renderings agree with llama.cpp's${missing}`,
  ignore: missing !== "",
  async fn() {
    let differing = 0;
    for (const template of templates) {
      differing += Object.keys(await differences(template)).length;
    }
    const total = templates.length * CONVERSATIONS.length;
    console.log(
      `${
        total - differing
      } of ${total} renderings, with ${templates.length} templates, agree with ` +
        `llama.cpp ${LLAMA_VERSION}; ${differing} differ`,
    );
    const listed = Object.values(EXPECTED_DIFFERENCES).flatMap((list) => Object.keys(list));
    assertEquals(differing, listed.length);
  },
});
