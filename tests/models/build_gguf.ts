/** Builds GGUF files byte by byte, whole and broken, for tests and benchmarks. */

type Scalar = string | number | boolean;

export interface GgufParts {
  readonly version?: number;
  /** Numbers are written as `u32`; arrays as arrays of strings. */
  readonly metadata?: Readonly<Record<string, Scalar | readonly string[]>>;
  readonly tensors?: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    /** `ggml_type`; 0, `F32`, unless given. */
    readonly type?: number;
    /** From the beginning of the weights. */
    readonly offset?: number;
  }[];
  /** Bytes of weights after the head. */
  readonly weights?: number;
}

const U32 = 4;
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

function writeValue(writer: Writer, value: Scalar | readonly string[]): void {
  if (typeof value === "string") writer.u32(STRING).string(value);
  else if (typeof value === "number") writer.u32(U32).u32(value);
  else if (typeof value === "boolean") writer.u32(BOOL).u8(value ? 1 : 0);
  else {
    writer.u32(ARRAY).u32(STRING).u64(value.length);
    for (const item of value) writer.string(item);
  }
}

/** A GGUF file's bytes. */
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
  const whole = new Uint8Array(Math.ceil(head.length / 32) * 32 + weights);
  whole.set(head);
  return whole;
}

/** A whole model of one small tensor; `metadata` adds to what every model has. */
export function buildModel(
  metadata: Readonly<Record<string, Scalar | readonly string[]>> = {},
): Uint8Array<ArrayBuffer> {
  return buildGguf({
    metadata: { "general.architecture": "llama", "general.file_type": 7, ...metadata },
    tensors: [{ name: "token_embd.weight", shape: [4, 2] }],
    weights: 32,
  });
}
