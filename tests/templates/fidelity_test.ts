import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { ModelInfo } from "../../src/engine/protocol.ts";
import { ShimmyError } from "../../src/errors.ts";
import { renderText } from "../../src/chat/prompt.ts";
import { EngineDouble } from "../doubles/engine.ts";
import { type Conversation, CONVERSATIONS, openAiBody } from "./conversations.ts";
import { EXPECTED_DIFFERENCES } from "./expectations.ts";
import { environment, LlamaServer, llamaTemplates, type NamedTemplate } from "./llama_cpp.ts";

const MODEL = fromFileUrl(new URL("../../src/assets/tiny/shimmy-tiny.gguf", import.meta.url));
const templates = await llamaTemplates();
const program = await environment("SHIMMY_LLAMA_SERVER");

async function ours(info: ModelInfo, { messages, tools }: Conversation): Promise<string | null> {
  try {
    return await renderText(info, {
      type: "chat",
      messages,
      tools,
      toolChoice: { type: "auto" },
      parallelToolCalls: true,
      templateArguments: {},
      continueLast: false,
    });
  } catch (error) {
    if (error instanceof ShimmyError) return null;
    throw error;
  }
}

/** Names of the conversations that the two render differently, with both renderings. */
async function differences(template: NamedTemplate): Promise<Record<string, unknown>> {
  await using server = await LlamaServer.start(program!, MODEL, template.path);
  const tokens = await server.specialTokens();
  const { info } = new EngineDouble({ info: { chatTemplate: template.source, ...tokens } });
  const found: Record<string, unknown> = {};
  for (const conversation of CONVERSATIONS) {
    const [mine, theirs] = await Promise.all([
      ours(info, conversation),
      server.render(openAiBody(conversation)),
    ]);
    if (mine !== theirs) found[conversation.name] = { ours: mine, theirs };
  }
  return found;
}

for (const template of program === null ? [] : templates ?? []) {
  Deno.test(`${template.name} is rendered as llama.cpp renders it`, async () => {
    const expected = Object.keys(EXPECTED_DIFFERENCES[template.name] ?? {}).sort();
    const found = await differences(template);
    const unexpected = Object.entries(found).filter(([name]) => !expected.includes(name));
    assertEquals(unexpected, [], "renderings that should be equal differ");
    assertEquals(Object.keys(found).sort(), expected, "a listed difference is gone: unlist it");
  });
}

Deno.test({
  name: "every template with an expected difference exists",
  ignore: templates === null,
  fn() {
    const names = templates!.map(({ name }) => name);
    assertEquals(Object.keys(EXPECTED_DIFFERENCES).filter((name) => !names.includes(name)), []);
  },
});

Deno.test({
  name: "templates are rendered as llama.cpp renders them (needs SHIMMY_LLAMA_SOURCE, a checkout " +
    "of llama.cpp, and SHIMMY_LLAMA_SERVER, its llama-server)",
  ignore: templates === null || program === null,
  fn() {
    const differing = Object.keys(EXPECTED_DIFFERENCES).length;
    console.log(
      `${templates!.length - differing} of ${templates!.length} templates are rendered alike; ` +
        `${differing} differ as tests/templates/expectations.ts tells`,
    );
  },
});
