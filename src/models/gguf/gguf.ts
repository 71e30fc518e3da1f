import { ShimmyError } from "../../errors.ts";
import { GgufCursor, malformed } from "./cursor.ts";
import { TENSOR_TYPES } from "./tensor_types.ts";

// This reader replaces @huggingface/gguf for two reasons. That library materialises every array: a
// header with a vocabulary of 150,000 tokens takes 0.7 s instead of 10 ms, and discovery reads many
// headers. It also does not check that the tensors lie within the file.

/** A scalar metadata value, or the shape of an array. Array elements are skipped. */
export type GgufValue = string | number | bigint | boolean | GgufArray;

export interface GgufArray {
  readonly elementType: string;
  readonly count: number;
}

/** Metadata and tensor statistics of a GGUF file. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: number;
  /** Number of parameters by `ggml_type`. */
  readonly elements: ReadonlyMap<number, number>;
  /** Number of parameters of all tensors in this file. */
  readonly parameters: number;
  /** Size of the file in bytes. */
  readonly size: number;
}

/**
 * Maximum number of metadata keys in a file. Models have about 50. The limit stops a malicious
 * count from filling memory.
 */
const MAX_KEYS = 65_536;
/**
 * Maximum number of tensors in a file. The largest mixture-of-experts models have a few thousand.
 */
const MAX_TENSORS = 1_000_000;
/** `GGML_MAX_DIMS`. */
const MAX_DIMENSIONS = 4;
/** `GGML_MAX_NAME` of ggml.h, including the final zero. */
const MAX_TENSOR_NAME = 64;
const DEFAULT_ALIGNMENT = 32;

/** `enum gguf_type`: name, and bytes of an element if the size is fixed. */
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
 * Reads the header of a GGUF file of version 2 or 3: metadata and tensor shapes, no weights.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @throws {ShimmyError} `backend`, with a reason that can follow the file name: the file is not
 * GGUF, has a version or byte order that libllama does not read, is damaged, or is truncated.
 */
export async function readHeader(path: string): Promise<GgufHeader> {
  try {
    // Opening a pipe or device would block, so only a regular file is opened.
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw malformed("not a file");
    using file = await Deno.open(path, { read: true });
    return await parse(new GgufCursor(file, size), size);
  } catch (error) {
    if (error instanceof ShimmyError) throw error;
    throw new ShimmyError("backend", reasonOf(error), { detail: path, cause: error });
  }
}

/** Reason why a file or folder cannot be read. It can follow the path in a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "cannot be read (permission denied)";
  if (error instanceof Deno.errors.NotCapable) return "cannot be read (--allow-read is missing)";
  if (error instanceof Deno.errors.FilesystemLoop) return "is a link to itself";
  return "cannot be read";
}

async function parse(cursor: GgufCursor, size: number): Promise<GgufHeader> {
  const version = await readVersion(cursor, size);
  await cursor.ensure(16);
  const tensors = cursor.length();
  const keys = cursor.length();
  if (tensors > MAX_TENSORS) throw malformed(`it has too many tensors (${tensors})`);
  if (keys > MAX_KEYS) throw malformed(`it has too many metadata keys (${keys})`);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keys; i++) {
    const key = await cursor.string();
    if (key === null || key === "") throw malformed(`metadata key ${i} has no valid name`);
    await cursor.ensure(4);
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
  await cursor.ensure(8);
  // "GGUF" as a little-endian number.
  if (cursor.u32() !== 0x46554747) throw malformed("not a GGUF file");
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  // A small version number written by a big-endian machine has empty low bytes.
  if ((version & 0xffff) === 0 && version !== 0) {
    throw malformed("it is big-endian, which is not supported");
  }
  throw malformed(`GGUF version ${version} is not supported (2 and 3 are)`);
}

/** Reads a value. Returns `null` for a string that is too long to keep. */
async function readValue(
  cursor: GgufCursor,
  type: number,
  key: string,
): Promise<GgufValue | null> {
  const known = VALUE_TYPES[type];
  if (known === undefined) throw malformed(`metadata key ${key} has the unknown type ${type}`);
  const [name, bytes] = known;
  if (name === "string") return await cursor.string();
  if (name === "array") return await skipArray(cursor, key);
  await cursor.ensure(bytes);
  if (name === "bool") return cursor.u8() !== 0;
  const value = cursor[name]();
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

async function skipArray(cursor: GgufCursor, key: string): Promise<GgufArray> {
  await cursor.ensure(12);
  const type = cursor.u32();
  const count = cursor.length();
  const known = VALUE_TYPES[type];
  // libllama refuses arrays of arrays too, so no depth limit is needed.
  if (known === undefined || known[0] === "array") {
    throw malformed(`metadata key ${key} is an array of the unsupported type ${type}`);
  }
  if (known[0] === "string") await cursor.skipStrings(count);
  else await cursor.skip(count * known[1]);
  return { elementType: known[0], count };
}

/**
 * Returns the number of parameters by type, and the bytes from the start of the first tensor to the
 * end of the last.
 */
async function readTensors(
  cursor: GgufCursor,
  count: number,
): Promise<{ elements: Map<number, number>; bytes: number }> {
  const elements = new Map<number, number>();
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    await cursor.ensure(8);
    const nameLength = cursor.length();
    if (nameLength >= MAX_TENSOR_NAME) throw malformed(`the name of tensor ${i} is too long`);
    await cursor.ensure(nameLength + 4);
    await cursor.skip(nameLength);
    const dimensions = cursor.u32();
    if (dimensions > MAX_DIMENSIONS) throw malformed(`tensor ${i} has ${dimensions} dimensions`);
    await cursor.ensure(dimensions * 8 + 12);
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
