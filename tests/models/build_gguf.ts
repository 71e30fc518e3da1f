/** Builds GGUF files, valid and damaged, for tests and benchmarks. */

type Scalar = string | number | boolean;

/** Numbers are written as `u32` unless their type is given. Other arrays contain strings. */
export type GgufEntry =
  | Scalar
  | readonly string[]
  | { readonly f32: number }
  | { readonly f32s: readonly number[] }
  | { readonly i32s: readonly number[] };

export interface GgufParts {
  readonly version?: number;
  readonly metadata?: Readonly<Record<string, GgufEntry>>;
  readonly tensors?: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    /** `ggml_type`. The default is 0, `F32`. */
    readonly type?: number;
    /** Offset from the start of the weights. */
    readonly offset?: number;
  }[];
  /** The weights, or their number of bytes as zeros. */
  readonly weights?: number | Uint8Array;
}

const U32 = 4;
const I32 = 5;
const F32 = 6;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

class Writer {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): this {
    return this.bytes(new Uint8Array([value]));
  }
  u32(value: number): this {
    return this.bytes(new Uint8Array(new Uint32Array([value]).buffer));
  }
  f32(value: number): this {
    return this.bytes(new Uint8Array(new Float32Array([value]).buffer));
  }
  u64(value: number | bigint): this {
    return this.bytes(new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
  }
  string(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u64(bytes.length).bytes(bytes);
  }
  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }
  done(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

function writeValue(writer: Writer, value: GgufEntry): void {
  if (typeof value === "string") writer.u32(STRING).string(value);
  else if (typeof value === "number") writer.u32(U32).u32(value);
  else if (typeof value === "boolean") writer.u32(BOOL).u8(value ? 1 : 0);
  else if ("f32" in value) writer.u32(F32).f32(value.f32);
  else if ("f32s" in value) {
    writer.u32(ARRAY).u32(F32).u64(value.f32s.length);
    for (const item of value.f32s) writer.f32(item);
  } else if ("i32s" in value) {
    writer.u32(ARRAY).u32(I32).u64(value.i32s.length);
    for (const item of value.i32s) writer.u32(item);
  } else {
    writer.u32(ARRAY).u32(STRING).u64(value.length);
    for (const item of value) writer.string(item);
  }
}

/** The bytes of a GGUF file. */
export function buildGguf(parts: GgufParts): Uint8Array<ArrayBuffer> {
  const { version = 3, metadata = {}, tensors = [], weights = 0 } = parts;
  const writer = new Writer().bytes(new TextEncoder().encode("GGUF")).u32(version);
  const keys = Object.entries(metadata);
  writer.u64(tensors.length).u64(keys.length);
  for (const [key, value] of keys) {
    writer.string(key);
    writeValue(writer, value);
  }
  for (const { name, shape, type = 0, offset = 0 } of tensors) {
    writer.string(name).u32(shape.length);
    for (const dimension of shape) writer.u64(dimension);
    writer.u32(type).u64(offset);
  }
  const head = writer.done();
  const begin = Math.ceil(head.length / 32) * 32;
  const whole = new Uint8Array(begin + (typeof weights === "number" ? weights : weights.length));
  whole.set(head);
  if (typeof weights !== "number") whole.set(weights, begin);
  return whole;
}

/** A complete model with one small tensor. `metadata` adds to the required keys. */
export function buildModel(
  metadata: Readonly<Record<string, GgufEntry>> = {},
): Uint8Array<ArrayBuffer> {
  return buildGguf({
    metadata: { "general.architecture": "llama", "general.file_type": 7, ...metadata },
    tensors: [{ name: "token_embd.weight", shape: [4, 2] }],
    weights: 32,
  });
}
