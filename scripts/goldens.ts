/**
 * Writes the golden facts under `tests/golden/`: what llama.cpp's own programs make of awkward texts, of
 * prompts and of texts to embed, with the models that the tests use, and of conversations, with the chat
 * templates of its sources. `SHIMMY_LLAMA_BIN` names the folder of its programs, built from the pinned
 * version, and `SHIMMY_LLAMA_SOURCE` its sources, which otherwise come from npm. Names of files, without
 * their ending, limit it to those: `deno task goldens templates`.
 */
import { fromFileUrl, join } from "@std/path";
import { LLAMA_VERSION } from "../ffi/version.ts";
import { embeddingRows } from "./goldens/embeddings.ts";
import { AWKWARD_TEXTS, CONTINUATIONS, expandText, type GoldenText } from "./goldens/inputs.ts";
import { type LlamaServer, startLlamaServer } from "./goldens/llama_server.ts";
import { llamaTemplates, renderingRows, withTemplateServer } from "./goldens/templates.ts";

const path = (relative: string) => fromFileUrl(new URL(relative, import.meta.url));

const TINY = path("../src/assets/tiny/shimmy-tiny.gguf");

/** The models whose continuations are recorded: name of the file, and how the server is started. */
const MODELS: readonly { readonly name: string; readonly arguments: readonly string[] }[] = [
  { name: "continuations_q4_k_m", arguments: ["--model", TINY] },
  {
    name: "continuations_f16",
    arguments: ["--model", path("../tests/models/shimmy-tiny-f16.gguf")],
  },
  {
    name: "continuations_pirate",
    arguments: ["--model", TINY, "--lora", path("../tests/models/pirate-lora.gguf")],
  },
];

async function main(): Promise<void> {
  const folder = Deno.env.get("SHIMMY_LLAMA_BIN");
  if (!folder) {
    console.error("SHIMMY_LLAMA_BIN must name the folder of llama.cpp's programs");
    Deno.exit(1);
  }
  const programs = (name: string) =>
    join(folder, Deno.build.os === "windows" ? `${name}.exe` : name);
  const program = programs("llama-server");
  const names = ["tokens", ...MODELS.map(({ name }) => name), "templates", "embeddings"];
  const unknown = Deno.args.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    console.error(`There is no ${unknown}; there are ${names.join(", ")}`);
    Deno.exit(1);
  }
  const isAsked = (name: string) => Deno.args.length === 0 || Deno.args.includes(name);
  if (isAsked("tokens")) {
    await using server = await startLlamaServer(program, ["--model", TINY]);
    await write("tokens", await tokenTable(server));
  }
  for (const model of MODELS.filter(({ name }) => isAsked(name))) {
    await using server = await startLlamaServer(program, model.arguments);
    await write(model.name, await continuationTable(server));
  }
  if (isAsked("templates")) await writeTemplates(program);
  if (isAsked("embeddings")) await write("embeddings", await embeddingRows(programs));
}

/** Records what every chat template makes of every conversation, and BOS and EOS as it was given them. */
async function writeTemplates(program: string): Promise<void> {
  const rows = [];
  let tokens = {};
  for (const template of await llamaTemplates()) {
    rows.push(
      ...await withTemplateServer(program, TINY, template, async (server) => {
        tokens = await server.specialTokens();
        return await renderingRows(template.name, server);
      }),
    );
  }
  await write("templates", rows, tokens);
}

async function tokenTable(server: LlamaServer) {
  const rows: (GoldenText & { special: boolean; tokens: readonly number[] })[] = [];
  for (const text of AWKWARD_TEXTS) {
    for (const special of [false, true]) {
      rows.push({ ...text, special, tokens: await server.tokenize(expandText(text), special) });
    }
  }
  return rows;
}

async function continuationTable(server: LlamaServer) {
  const rows = [];
  for (const { prompt, maxTokens } of CONTINUATIONS) {
    const completion = await server.complete(prompt, maxTokens);
    const { tokens, finishReason } = completion;
    rows.push({
      prompt,
      maxTokens: finishReason === "length" ? tokens.length : maxTokens,
      ...completion,
    });
  }
  return rows;
}

async function write(
  name: string,
  rows: readonly unknown[],
  head: Readonly<Record<string, string>> = {},
): Promise<void> {
  const file = path(`../tests/golden/${name}.json`);
  // One row a line: a change of one fact is a change of one line.
  const lines = rows.map((row) => `    ${ascii(JSON.stringify(row))}`).join(",\n");
  const facts = Object.entries({ llama: LLAMA_VERSION, ...head })
    .map(([key, value]) => `  "${key}": ${ascii(JSON.stringify(value))},\n`).join("");
  await Deno.writeTextFile(file, `{\n${facts}  "rows": [\n${lines}\n  ]\n}\n`);
  console.error(`${name}: ${rows.length} rows`);
}

/** Escapes what is not ASCII: much of it is invisible or turns the direction of a line around. */
function ascii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

if (import.meta.main) await main();
