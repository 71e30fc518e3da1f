/** Models in the place of those that the suite downloads from a hub. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bertModel, type EncoderShape, type Pooling } from "../models/encoders.ts";
import { storiesModel } from "../models/stories.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** Files in the place of those that the suite downloads by address, by the end of the address. */
export const DOWNLOADS: Readonly<Record<string, string>> = {
  "moe_shakespeare15M.gguf": path("tests/models/pirate-lora.gguf"),
  "stories15M-q4_0.gguf": path("tests/models/shimmy-tiny-draft.gguf"),
};

/** Environment variable: path of the model that stands for models that follow instructions. */
export const CHAT_MODEL = "SHIMMY_SUITE_CHAT_MODEL";

/** As long as the contexts of the suite's encoders. */
const ENCODER: EncoderShape = { width: 32, layers: 2, heads: 2, feedForward: 64, context: 512 };

/**
 * The model for a repository of the suite, written into a folder if it is not a file of the repository.
 *
 * @param repository such as `ggml-org/models`, and the file in it.
 * @returns null for a repository whose model nothing can stand for.
 */
export async function modelFor(
  folder: string,
  repository: string,
  file: string,
  pooling: Pooling | undefined,
): Promise<string | null> {
  const name = `${repository}/${file}`;
  if (/bert-bge-small|jina-reranker/.test(name)) {
    const kind = /jina-reranker/.test(name) ? "rank" : pooling ?? "cls";
    return await written(folder, `encoder-${kind}`, () => bertModel(kind, ENCODER));
  }
  if (/stories15M_MOE/.test(name)) return path("tests/models/shimmy-tiny-f16.gguf");
  if (!/stories260K|tinygemma3/.test(name)) return Deno.env.get(CHAT_MODEL) ?? null;
  return await written(folder, "stories", () => storiesModel(/infill/.test(name)));
}

async function written(
  folder: string,
  name: string,
  make: () => Uint8Array | Promise<Uint8Array>,
): Promise<string> {
  const file = join(folder, `${name}.gguf`);
  await Deno.writeFile(file, await make());
  return file;
}

/** Bytes of a GGUF header before its metadata: magic, version, and the counts of tensors and entries. */
const HEADER = 24;
const COUNT_AT = 16;
/** The tensors of a file begin at a multiple of this, so additions are padded to a multiple of it. */
const ALIGNMENT = 32;
const STRING = 8;

const TEMPLATE = "tokenizer.chat_template";

/** Replaces the chat template of a model. */
export function withTemplate(model: Uint8Array, template: string): Uint8Array<ArrayBuffer> {
  const key = joined([text(TEMPLATE), u32(STRING)]);
  const at = indexOf(model, key);
  const entry = joined([key, text(template)]);
  if (at < 0) return withEntries(model, [entry]);
  const view = new DataView(model.buffer, model.byteOffset);
  const size = key.length + 8 + Number(view.getBigUint64(at + key.length, true));
  const rest = joined([model.subarray(0, at), model.subarray(at + size)]);
  return withEntries(rest, [entry], size);
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const last = bytes.length - wanted.length;
  for (let at = bytes.indexOf(wanted[0]!); at >= 0 && at <= last;) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
    at = bytes.indexOf(wanted[0]!, at + 1);
  }
  return -1;
}

/** @param removed bytes of one entry that was removed before. */
function withEntries(
  model: Uint8Array,
  entries: readonly Uint8Array[],
  removed = 0,
): Uint8Array<ArrayBuffer> {
  const pad = (size: number) => joined([text("test.padding"), u32(STRING), text("x".repeat(size))]);
  const fixed = entries.reduce((sum, { length }) => sum + length, 0) + pad(0).length - removed;
  const missing = (ALIGNMENT - fixed % ALIGNMENT) % ALIGNMENT;
  const added = joined([...entries, pad(missing)]);
  const result = joined([model.subarray(0, HEADER), added, model.subarray(HEADER)]);
  const view = new DataView(result.buffer);
  const count = entries.length + 1 - (removed > 0 ? 1 : 0);
  view.setBigUint64(COUNT_AT, view.getBigUint64(COUNT_AT, true) + BigInt(count), true);
  return result;
}

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return joined([new Uint8Array(new BigUint64Array([BigInt(bytes.length)]).buffer), bytes]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
