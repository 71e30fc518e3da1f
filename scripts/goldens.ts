/**
 * Writes the golden facts under `tests/golden/`: what llama.cpp's own server makes of awkward texts and
 * of prompts, with the models that the tests use. `SHIMMY_LLAMA_BIN` names the folder of its programs,
 * built from the pinned version.
 */
import { fromFileUrl, join } from "@std/path";
import { LLAMA_VERSION } from "../ffi/version.ts";
import { AWKWARD_TEXTS, CONTINUATIONS, expandText, type GoldenText } from "./goldens/inputs.ts";
import { type LlamaServer, startLlamaServer } from "./goldens/llama_server.ts";

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
  const program = join(folder, Deno.build.os === "windows" ? "llama-server.exe" : "llama-server");
  {
    await using server = await startLlamaServer(program, ["--model", TINY]);
    await write("tokens", await tokenTable(server));
  }
  for (const model of MODELS) {
    await using server = await startLlamaServer(program, model.arguments);
    await write(model.name, await continuationTable(server));
  }
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

async function write(name: string, rows: readonly unknown[]): Promise<void> {
  const file = path(`../tests/golden/${name}.json`);
  // One row a line: a change of one fact is a change of one line.
  const lines = rows.map((row) => `    ${ascii(JSON.stringify(row))}`).join(",\n");
  await Deno.writeTextFile(
    file,
    `{\n  "llama": "${LLAMA_VERSION}",\n  "rows": [\n${lines}\n  ]\n}\n`,
  );
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
