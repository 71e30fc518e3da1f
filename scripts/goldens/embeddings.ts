/** Embeddings and scores of llama.cpp's own programs, with the tiny encoders that the tests build. */
import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { ENCODERS, TINY_SHAPE } from "../../tests/models/encoders.ts";
import { expandText, type GoldenText } from "./inputs.ts";
import { startLlamaServer } from "./llama_server.ts";

/** Texts of very different lengths, without control tokens, which llama.cpp would parse. */
export const EMBEDDED_TEXTS: readonly GoldenText[] = [
  { name: "one letter", text: "a" },
  { name: "two words", text: "hello world" },
  { name: "capitals and punctuation", text: "Hello, World! How are you (today)?" },
  { name: "a sentence", text: "the quick brown fox jumps over the lazy dog" },
  { name: "numbers", text: "3.14 and 1234567890" },
  {
    name: "accents and what no vocabulary has",
    text: "na\u00efve caf\u00e9 \u4eca\u5929 \u{1f98a}",
  },
  { name: "spaces and newlines", text: "  a \t b\n\n c  " },
  { name: "thirty words", text: "se ", times: 30 },
  // An encoder adds a token at each end; the server reserves one more position for a decoder.
  { name: "as long as fits", text: Array(TINY_SHAPE.context - 2).fill("a").join(" ") },
];

/** Token ids in place of a text. */
export const EMBEDDED_TOKENS: readonly number[] = [2, 17, 42, 99, 100, 3];

const QUERY = "what is a panda?";
const DOCUMENTS: readonly string[] = [
  "hi",
  "it is a bear",
  "The giant panda, also called panda, is a bear of china.",
  "",
  "paris is the capital of france",
];

const SEPARATOR = "<#sep#>";

/** Settings of the programs: tokens per batch, and flash attention. */
const limits = (tokens: number, flash: "auto" | "off") => [
  ...["--threads", "1", "--flash-attn", flash],
  ...["--ctx-size", "--batch-size", "--ubatch-size"].flatMap((option) => [option, `${tokens}`]),
];

/**
 * `llama-embedding` uses 256 sequences and fails if a batch has fewer tokens. With fewer sequences it
 * would split a batch by the lengths of its texts and take the mean of the last part only.
 */
const SEQUENCES = 256;

/** Nine digits tell any two 32-bit floats apart. */
const digits = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(9)));

/**
 * Rows of vectors from the server, of vectors from `llama-embedding` if its output is complete, and of
 * scores.
 *
 * @param programs gives the path of a program by its name.
 */
export async function embeddingRows(programs: (name: string) => string): Promise<unknown[]> {
  const rows: unknown[] = [];
  const folder = await Deno.makeTempDir({ prefix: "shimmy-goldens-" });
  try {
    for (const [model, build] of Object.entries(ENCODERS)) {
      const file = join(folder, `${model}.gguf`);
      const bytes = build();
      await Deno.writeFile(file, bytes);
      rows.push({ model, sha256: await hash(bytes) });
      rows.push(
        ...model.endsWith("-rank")
          ? await scoreRows(programs("llama-server"), model, file)
          : await vectorRows(programs, model, file),
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return rows;
}

/** SHA-256 of a model's file, so that a test can check that the facts are about the same file. */
export async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}

async function vectorRows(programs: (name: string) => string, model: string, file: string) {
  const serve = (flash: "auto" | "off") =>
    startLlamaServer(programs("llama-server"), [
      ...["--model", file, "--embeddings"],
      ...limits(TINY_SHAPE.context, flash),
    ]);
  await using flash = await serve("auto");
  await using plain = await serve("off");
  const printed = await printedVectors(programs("llama-embedding"), file);
  const both = async (input: string | readonly number[]) => {
    const { vector, tokens } = await plain.embed(input);
    return {
      tokens,
      plain: digits(vector),
      flash: digits((await flash.embed(input)).vector),
    };
  };
  const rows = [];
  for (const [index, text] of EMBEDDED_TEXTS.entries()) {
    rows.push({ model, ...text, ...await both(expandText(text)), printed: printed[index]! });
  }
  rows.push({ model, name: "token ids", ids: EMBEDDED_TOKENS, ...await both(EMBEDDED_TOKENS) });
  return rows;
}

/** Attempts: the program often ends before its output thread has printed everything. */
const ATTEMPTS = 50;

/** Output of `llama-embedding` for all texts in one batch, with seven decimals. */
async function printedVectors(
  program: string,
  file: string,
): Promise<readonly (readonly number[])[]> {
  const command = new Deno.Command(program, {
    args: [
      ...["--model", file, "--prompt", EMBEDDED_TEXTS.map(expandText).join(SEPARATOR)],
      ...["--embd-separator", SEPARATOR, "--embd-normalize", "2"],
      ...["--embd-output-format", "json", ...limits(SEQUENCES, "off")],
    ],
    stdin: "null",
    stderr: "null",
  });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { success, stdout } = await command.output();
    if (!success) throw new Error("llama-embedding failed");
    const vectors = readVectors(new TextDecoder().decode(stdout));
    if (vectors?.length === EMBEDDED_TEXTS.length) return vectors;
  }
  throw new Error(`llama-embedding printed no complete output in ${ATTEMPTS} attempts`);
}

/** The vectors in JSON of OpenAI's format; null if the JSON is incomplete. */
function readVectors(json: string): readonly (readonly number[])[] | null {
  try {
    const { data }: { data: { embedding: number[] }[] } = JSON.parse(json);
    return data.map(({ embedding }) => embedding);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function scoreRows(program: string, model: string, file: string) {
  const rows = [];
  for (const flash of ["auto", "off"] as const) {
    await using server = await startLlamaServer(program, [
      ...["--model", file, "--rerank"],
      ...limits(TINY_SHAPE.context, flash),
    ]);
    const { results, tokens } = await server.rerank(QUERY, DOCUMENTS);
    const scores = results.map(({ index, score }) => ({ index, score: digits([score])[0]! }));
    rows.push({ model, flash, query: QUERY, documents: DOCUMENTS, tokens, results: scores });
  }
  return rows;
}
