/**
 * Writes the golden facts in `tests/golden/`. They are results of llama.cpp's own programs: tokens of
 * difficult texts, continuations of prompts, and embeddings, with the models of the tests, rendered
 * conversations, with the chat templates of llama.cpp's source, and facts about real models, which are
 * fetched (`SHIMMY_TEST_MODELS` names their folder).
 *
 *     deno task goldens [NAME ...]        # default: all files; NAME: a file without its extension
 *
 * `SHIMMY_LLAMA_BIN` names the folder of the programs, built from the pinned version. `SHIMMY_LLAMA_SOURCE`
 * names the source; without it, the source comes from npm.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LLAMA_VERSION } from "../ffi/library/version.ts";
import { embeddingRows } from "./goldens/embeddings.ts";
import { AWKWARD_TEXTS, CONTINUATIONS, expandText, type GoldenText } from "./goldens/inputs.ts";
import { type LlamaServer, startLlamaServer } from "./goldens/llama_server.ts";
import { REAL_MODELS, realModelRows } from "./goldens/real_models.ts";
import { writeVectors } from "../tests/models/control_vector.ts";
import { llamaTemplates, renderingRows, withTemplateServer } from "./goldens/templates.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const TINY = path("../src/assets/tiny/shimmy-tiny.gguf");

const F16 = ["--model", path("../tests/models/shimmy-tiny-f16.gguf")];
const PIRATE = ["--lora", path("../tests/models/pirate-lora.gguf")];

interface Recorded {
  /** Name of the golden file. */
  readonly name: string;
  /** Arguments of the server. */
  readonly arguments: readonly string[];
}

/** The models whose continuations are recorded. */
const MODELS: readonly Recorded[] = [
  { name: "continuations_q4_k_m", arguments: ["--model", TINY] },
  { name: "continuations_f16", arguments: F16 },
  { name: "continuations_pirate", arguments: ["--model", TINY, ...PIRATE] },
];

/** Texts whose embeddings are recorded, with an adapter and a control vector. */
const EMBEDDED = ["a red fox", "What is the capital of France?"];
/** Decimals of scores and log probabilities; further decimals differ between processors. */
const DIGITS = 5;

/** Records embeddings with control vectors. Their files are written to a folder. */
async function vectorModels(folder: string): Promise<readonly Recorded[]> {
  const { swerve, drift } = await writeVectors(folder);
  const scaled = (text: string) => ["--control-vector-scaled", text];
  return [
    { name: "continuations_vector", arguments: [...F16, ...scaled(`${swerve}:1`)] },
    {
      name: "continuations_vectors",
      arguments: [...F16, ...scaled(`${swerve}:0.75,${drift}:-0.25`)],
    },
    {
      name: "continuations_vector_layers",
      arguments: [...F16, ...scaled(`${drift}:0.7`), "--control-vector-layer-range", "2", "3"],
    },
    {
      name: "continuations_vector_pirate",
      arguments: [...F16, ...PIRATE, ...scaled(`${swerve}:1`)],
    },
  ];
}

async function main(): Promise<void> {
  const folder = Deno.env.get("SHIMMY_LLAMA_BIN");
  if (!folder) {
    console.error("SHIMMY_LLAMA_BIN must name the folder of llama.cpp's programs");
    Deno.exit(1);
  }
  const programs = (name: string) =>
    join(folder, Deno.build.os === "windows" ? `${name}.exe` : name);
  const program = programs("llama-server");
  const vectors = await Deno.makeTempDir();
  const models = [...MODELS, ...await vectorModels(vectors)];
  const names = [
    "tokens",
    ...models.map(({ name }) => name),
    "templates",
    "embeddings",
    "embeddings_adapted",
    ...Object.keys(REAL_MODELS),
  ];
  const unknown = Deno.args.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    console.error(`${unknown} is not a golden file; valid are ${names.join(", ")}`);
    Deno.exit(1);
  }
  const isAsked = (name: string) => Deno.args.length === 0 || Deno.args.includes(name);
  if (isAsked("tokens")) {
    await using server = await startLlamaServer(program, ["--model", TINY]);
    await write("tokens", await tokenTable(server));
  }
  if (isAsked("embeddings_adapted")) {
    const { arguments: adapted } = models.find(({ name }) =>
      name === "continuations_vector_pirate"
    )!;
    const options = [...adapted, "--embedding", "--pooling", "mean"];
    await using server = await startLlamaServer(program, options);
    await write("embeddings_adapted", await embeddingTable(server));
  }
  for (const model of models.filter(({ name }) => isAsked(name))) {
    await using server = await startLlamaServer(program, model.arguments);
    await write(model.name, await continuationTable(server));
  }
  await Deno.remove(vectors, { recursive: true });
  if (isAsked("templates")) await writeTemplates(program);
  if (isAsked("embeddings")) await write("embeddings", await embeddingRows(programs));
  for (const [name, { sha256 }] of Object.entries(REAL_MODELS)) {
    if (isAsked(name)) await write(name, await realModelRows(name, programs), { sha256 });
  }
}

/** Records every conversation rendered by every chat template, with the texts of BOS and EOS. */
async function writeTemplates(program: string): Promise<void> {
  const rows = [];
  let tokens = {};
  for (const template of await llamaTemplates()) {
    rows.push(
      ...await withTemplateServer(program, TINY, template, async (server) => {
        const { bosText, eosText } = await server.properties();
        tokens = { bosText, eosText };
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
    const { text, tokens, finishReason } = await server.complete(prompt, maxTokens);
    rows.push({
      prompt,
      maxTokens: finishReason === "length" ? tokens.length : maxTokens,
      ...{ text, tokens, finishReason },
    });
  }
  return rows;
}

async function embeddingTable(server: LlamaServer) {
  const rows = [];
  for (const text of EMBEDDED) {
    const embedding = (await server.embed(text)).vector.map((value) =>
      Number(value.toFixed(DIGITS))
    );
    rows.push({ text, embedding });
  }
  return rows;
}

async function write(
  name: string,
  rows: readonly unknown[],
  head: Readonly<Record<string, string>> = {},
): Promise<void> {
  const file = path(`../tests/golden/${name}.json`);
  // One row per line, so that a change of one fact changes one line.
  const lines = rows.map((row) => `    ${ascii(JSON.stringify(row))}`).join(",\n");
  const facts = Object.entries({ llama: LLAMA_VERSION, ...head })
    .map(([key, value]) => `  "${key}": ${ascii(JSON.stringify(value))},\n`).join("");
  await Deno.writeTextFile(file, `{\n${facts}  "rows": [\n${lines}\n  ]\n}\n`);
  console.error(`${name}: ${rows.length} rows`);
}

/** Escapes characters outside ASCII: many are invisible or reverse the direction of the text. */
function ascii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

if (import.meta.main) await main();
