import { ShimmyError } from "../../errors.ts";
import { GgufCursor, malformed } from "./cursor.ts";
import { type GgufValue, readMetadata } from "./metadata.ts";
import { TENSOR_TYPES } from "./tensor_types.ts";

// This reader replaces @huggingface/gguf for two reasons. That library materialises every array: a
// header with a vocabulary of 150,000 tokens takes 0.7 s instead of 10 ms, and discovery reads many
// headers. It also does not check that the tensors lie within the file.

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
  /** Number of outputs of the last layer of an MLP projector; absent without one. */
  readonly projection?: number;
}

/** `GGML_MAX_DIMS`. */
const MAX_DIMENSIONS = 4;
/** `GGML_MAX_NAME` of ggml.h, including the final zero. */
const MAX_TENSOR_NAME = 64;
const DEFAULT_ALIGNMENT = 32;
/** Weights of the last layer of an MLP projector (`mm_2_w` of libmtmd). */
const PROJECTION = "mm.2.weight";

/**
 * Reads the header of a GGUF file of version 2 or 3: metadata and tensor shapes, no weights.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @throws {ShimmyError} `backend`, with a reason that can follow the file name: the file is not
 * GGUF, has a version or byte order that libllama does not read, is damaged, or is truncated.
 */
export async function readHeader(path: string): Promise<GgufHeader> {
  return await withCursor(path, parse);
}

/** Opens a GGUF file for a function. @throws {ShimmyError} as {@linkcode readHeader} does. */
export async function withCursor<T>(
  path: string,
  use: (cursor: GgufCursor, size: number) => Promise<T>,
): Promise<T> {
  try {
    // Opening a pipe or device would block, so only a regular file is opened.
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw malformed("not a file");
    using file = await Deno.open(path, { read: true });
    return await use(new GgufCursor(file, size), size);
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
  const { version, tensors, metadata } = await readMetadata(cursor, size);
  const { elements, bytes, projection } = await readTensors(cursor, tensors);
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== "number" || !isPowerOfTwo(alignment)) {
    throw malformed("general.alignment is not a power of 2");
  }
  const end = tensors === 0 ? 0 : Math.ceil(cursor.position / alignment) * alignment + bytes;
  if (end > size) throw malformed(`truncated: ${size} of ${end} bytes`);
  let parameters = 0;
  for (const count of elements.values()) parameters += count;
  const header = { version, metadata, tensors, elements, parameters, size };
  return projection === null ? header : { ...header, projection };
}

/**
 * Returns the number of parameters by type, the bytes from the start of the first tensor to the end of the
 * last, and the outputs of an MLP projector.
 */
async function readTensors(
  cursor: GgufCursor,
  count: number,
): Promise<{ elements: Map<number, number>; bytes: number; projection: number | null }> {
  const elements = new Map<number, number>();
  let bytes = 0;
  let projection: number | null = null;
  for (let i = 0; i < count; i++) {
    await cursor.ensure(8);
    const nameLength = cursor.length();
    if (nameLength >= MAX_TENSOR_NAME) throw malformed(`the name of tensor ${i} is too long`);
    await cursor.ensure(nameLength + 4);
    const isProjection = cursor.text(nameLength) === PROJECTION;
    const dimensions = cursor.u32();
    if (dimensions > MAX_DIMENSIONS) throw malformed(`tensor ${i} has ${dimensions} dimensions`);
    await cursor.ensure(dimensions * 8 + 12);
    let size = 1;
    for (let d = 0; d < dimensions; d++) {
      const length = cursor.length();
      size *= length;
      if (isProjection && d === 1) projection = length;
    }
    const type = cursor.u32();
    const offset = cursor.length();
    const stored = TENSOR_TYPES.get(type);
    if (stored === undefined) throw malformed(`tensor ${i} has the unknown type ${type}`);
    elements.set(type, (elements.get(type) ?? 0) + size);
    bytes = Math.max(bytes, offset + Math.ceil(size / stored.elements) * stored.bytes);
  }
  return { elements, bytes, projection };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
