import { type GgufCursor, malformed, type VisitString } from "./cursor.ts";

/** A scalar metadata value, or the shape of an array. Array elements are skipped. */
export type GgufValue = string | number | bigint | boolean | GgufArray;

export interface GgufArray {
  readonly elementType: string;
  readonly count: number;
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

/** Everything in a GGUF file before the tensors. */
export interface GgufMetadata {
  readonly version: number;
  readonly tensors: number;
  readonly metadata: Map<string, GgufValue>;
}

/** Returns a function that receives every element of an array of strings, or undefined to skip it. */
export type VisitStrings = (key: string) => VisitString | undefined;

/** Reads the metadata at the beginning of a GGUF file. */
export async function readMetadata(
  cursor: GgufCursor,
  size: number,
  visit: VisitStrings = () => undefined,
): Promise<GgufMetadata> {
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
    const value = await readValue(cursor, cursor.u32(), key, visit);
    if (value !== null) metadata.set(key, value);
  }
  return { version, tensors, metadata };
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
  visit: VisitStrings,
): Promise<GgufValue | null> {
  const known = VALUE_TYPES[type];
  if (known === undefined) throw malformed(`metadata key ${key} has the unknown type ${type}`);
  const [name, bytes] = known;
  if (name === "string") return await cursor.string();
  if (name === "array") return await readArray(cursor, key, visit(key));
  await cursor.ensure(bytes);
  if (name === "bool") return cursor.u8() !== 0;
  const value = cursor[name]();
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

async function readArray(
  cursor: GgufCursor,
  key: string,
  visit: VisitString | undefined,
): Promise<GgufArray> {
  await cursor.ensure(12);
  const type = cursor.u32();
  const count = cursor.length();
  const known = VALUE_TYPES[type];
  // libllama refuses arrays of arrays too, so no depth limit is needed.
  if (known === undefined || known[0] === "array") {
    throw malformed(`metadata key ${key} is an array of the unsupported type ${type}`);
  }
  if (known[0] === "string") {
    if (visit === undefined) await cursor.skipStrings(count);
    else await cursor.strings(count, visit);
  } else await cursor.skip(count * known[1]);
  return { elementType: known[0], count };
}
