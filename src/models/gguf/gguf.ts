import { ShimmyError } from "../../errors.ts";
import { GgufCursor, malformed } from "./cursor.ts";
import { TENSOR_TYPES } from "./tensor_types.ts";

// Why not @huggingface/gguf, which the project uses elsewhere: it materialises every array, so a head
// with a vocabulary of 150,000 tokens takes it 0.7 s where this reader takes 10 ms, and discovery
// reads a hundred of them. It does not check that the tensors lie within the file either.

/** A scalar of the metadata, or the shape of an array: arrays are passed over, not kept. */
export type GgufValue = string | number | bigint | boolean | GgufArray;

export interface GgufArray {
  readonly elementType: string;
  readonly count: number;
}

/** What a GGUF file says of itself before its weights. */
export interface GgufHead {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: number;
  /** Parameters by `ggml_type`. */
  readonly elements: ReadonlyMap<number, number>;
  /** Parameters of all tensors in this file. */
  readonly parameters: number;
  /** Bytes of the file. */
  readonly size: number;
}

/** Metadata keys of one file. Models have about 50; the limit keeps a hostile count from filling memory. */
const MAX_KEYS = 65_536;
/** Tensors of one file. The largest mixtures of experts have a few thousand. */
const MAX_TENSORS = 1_000_000;
/** `GGML_MAX_DIMS`. */
const MAX_DIMENSIONS = 4;
/** `GGML_MAX_NAME` of ggml.h, with its final zero. */
const MAX_TENSOR_NAME = 64;
const DEFAULT_ALIGNMENT = 32;

/** `enum gguf_type`: name, and bytes of an element where they are fixed. */
const VALUE_TYPES = [
  ["u8", 1],
  ["i8", 1],
  ["u16", 2],
  ["i16", 2],
  ["u32", 4],
  ["i32", 4],
  ["f32", 4],
  ["bool", 1],
  ["string", 0],
  ["array", 0],
  ["u64", 8],
  ["i64", 8],
  ["f64", 8],
] as const;

/**
 * Reads the head of a GGUF file, version 2 or 3: metadata and the shapes of its tensors, no weights.
 * The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @throws {ShimmyError} `backend`, with a reason that may follow the file's name: not a GGUF file, of a
 * version or byte order libllama does not read, damaged, or shorter than its tensors.
 */
export async function readHead(path: string): Promise<GgufHead> {
  try {
    // A pipe or a device would block the open, so nothing but a regular file gets that far.
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw malformed("not a file");
    using file = await Deno.open(path, { read: true });
    return await parse(new GgufCursor(file, size), size);
  } catch (error) {
    if (error instanceof ShimmyError) throw error;
    throw new ShimmyError("backend", reasonOf(error), { detail: path, cause: error });
  }
}

/** Why a file or folder could not be read, as a reason that may follow its name. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be read (permission denied)";
  if (error instanceof Deno.errors.NotCapable) return "may not be read (--allow-read is missing)";
  if (error instanceof Deno.errors.FilesystemLoop) return "is a link to itself";
  return "cannot be read";
}

async function parse(cursor: GgufCursor, size: number): Promise<GgufHead> {
  const version = await readVersion(cursor, size);
  await cursor.need(16);
  const tensors = cursor.length();
  const keys = cursor.length();
  if (tensors > MAX_TENSORS) throw malformed(`it claims ${tensors} tensors`);
  if (keys > MAX_KEYS) throw malformed(`it claims ${keys} metadata keys`);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keys; i++) {
    const key = await cursor.string();
    if (key === null || key === "") throw malformed(`metadata key ${i} has no usable name`);
    await cursor.need(4);
    const value = await readValue(cursor, cursor.u32(), key);
    if (value !== null) metadata.set(key, value);
  }
  const { elements, bytes } = await readTensors(cursor, tensors);
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== "number" || !isPowerOfTwo(alignment)) {
    throw malformed("general.alignment is not a power of 2");
  }
  const end = tensors === 0 ? 0 : Math.ceil(cursor.position / alignment) * alignment + bytes;
  if (end > size) throw malformed(`truncated: ${size} of ${end} bytes`);
  let parameters = 0;
  for (const count of elements.values()) parameters += count;
  return { version, metadata, tensors, elements, parameters, size };
}

async function readVersion(cursor: GgufCursor, size: number): Promise<number> {
  if (size === 0) throw malformed("it is empty");
  if (size < 8) throw malformed("not a GGUF file");
  await cursor.need(8);
  // "GGUF" as a little-endian number.
  if (cursor.u32() !== 0x46554747) throw malformed("not a GGUF file");
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  // Small versions written by a big-endian machine have their low bytes empty.
  if ((version & 0xffff) === 0 && version !== 0) {
    throw malformed("it is big-endian, which this machine cannot read");
  }
  throw malformed(`GGUF version ${version} is not supported (2 and 3 are)`);
}

/** A value, or `null` for a string too long to keep. */
async function readValue(
  cursor: GgufCursor,
  type: number,
  key: string,
): Promise<GgufValue | null> {
  const known = VALUE_TYPES[type];
  if (known === undefined) throw malformed(`metadata key ${key} has the unknown type ${type}`);
  const [name, bytes] = known;
  if (name === "string") return await cursor.string();
  if (name === "array") return await passArray(cursor, key);
  await cursor.need(bytes);
  if (name === "bool") return cursor.u8() !== 0;
  const value = cursor[name]();
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

async function passArray(cursor: GgufCursor, key: string): Promise<GgufArray> {
  await cursor.need(12);
  const type = cursor.u32();
  const count = cursor.length();
  const known = VALUE_TYPES[type];
  // libllama refuses arrays of arrays too, so there is no depth to guard.
  if (known === undefined || known[0] === "array") {
    throw malformed(`metadata key ${key} is an array of the unsupported type ${type}`);
  }
  if (known[0] === "string") await cursor.skipStrings(count);
  else await cursor.skip(count * known[1]);
  return { elementType: known[0], count };
}

/** Parameters by type, and the bytes from the first tensor's beginning to the last one's end. */
async function readTensors(
  cursor: GgufCursor,
  count: number,
): Promise<{ elements: Map<number, number>; bytes: number }> {
  const elements = new Map<number, number>();
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    await cursor.need(8);
    const nameLength = cursor.length();
    if (nameLength >= MAX_TENSOR_NAME) throw malformed(`the name of tensor ${i} is too long`);
    await cursor.need(nameLength + 4);
    await cursor.skip(nameLength);
    const dimensions = cursor.u32();
    if (dimensions > MAX_DIMENSIONS) throw malformed(`tensor ${i} has ${dimensions} dimensions`);
    await cursor.need(dimensions * 8 + 12);
    let size = 1;
    for (let d = 0; d < dimensions; d++) size *= cursor.length();
    const type = cursor.u32();
    const offset = cursor.length();
    const stored = TENSOR_TYPES.get(type);
    if (stored === undefined) throw malformed(`tensor ${i} has the unknown type ${type}`);
    elements.set(type, (elements.get(type) ?? 0) + size);
    bytes = Math.max(bytes, offset + Math.ceil(size / stored.elements) * stored.bytes);
  }
  return { elements, bytes };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
