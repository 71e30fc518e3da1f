/** C structs as classes: bytes with typed accessors, defined by a table of fields. */

/** A field: position and type. Offsets and sizes in bytes. */
export type Field =
  | { readonly offset: number; readonly type: NumberType | BigType | "bool" }
  | { readonly offset: number; readonly type: "bytes"; readonly size: number }
  | { readonly offset: number; readonly type: "struct"; readonly of: StructClass<Fields> };

type NumberType = "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "f32" | "f64";
/** Pointers are addresses. */
type BigType = "i64" | "u64" | "usize" | "pointer" | "function";

export type Fields = { readonly [name: string]: Field };

/** JavaScript type of a field: bigint for 64-bit numbers and addresses, a view for arrays. */
export type FieldValue<F> = F extends { readonly type: "bool" } ? boolean
  : F extends { readonly type: BigType } ? bigint
  : F extends { readonly type: "bytes" } ? Uint8Array<ArrayBuffer>
  : F extends { readonly type: "struct"; readonly of: StructClass<infer G> } ? Struct<G>
  : number;

/** A struct in memory: `bytes` is what C reads and writes; the fields are views of it. */
export type Struct<F extends Fields> =
  & { readonly bytes: Uint8Array<ArrayBuffer> }
  & { -readonly [K in keyof F]: FieldValue<F[K]> };

export interface StructClass<F extends Fields> {
  /** The name in C. */
  readonly NAME: string;
  /** `sizeof` in bytes. */
  readonly SIZE: number;
  readonly FIELDS: F;
  /**
   * A struct over the given bytes, or over new zeroed bytes.
   *
   * @throws {RangeError} if the number of bytes is not `SIZE`
   */
  new (bytes?: Uint8Array<ArrayBuffer>): Struct<F>;
}

const NUMBER_SIZES: Readonly<Record<NumberType | BigType | "bool", number>> = {
  i8: 1,
  u8: 1,
  bool: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
  usize: 8,
  pointer: 8,
  function: 8,
};

/** The size of a field in bytes. */
export function fieldSize(field: Field): number {
  if (field.type === "bytes") return field.size;
  if (field.type === "struct") return field.of.SIZE;
  return NUMBER_SIZES[field.type];
}

/**
 * Creates the class of a struct from its fields.
 *
 * @param name name of the struct in C
 * @param size `sizeof` in bytes
 * @param fields fields by name in C; members of a union have the same offset
 */
export function defineStruct<const F extends Fields>(
  name: string,
  size: number,
  fields: F,
): StructClass<F> {
  class StructBase {
    static readonly NAME = name;
    static readonly SIZE = size;
    static readonly FIELDS = fields;
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly #view: DataView<ArrayBuffer>;

    constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(size)) {
      if (bytes.length !== size) {
        throw new RangeError(
          `Cannot view ${name}: it takes ${size} bytes, current value has ${bytes.length}`,
        );
      }
      this.bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, size);
    }

    static {
      for (const [key, field] of Object.entries(fields)) {
        Object.defineProperty(this.prototype, key, {
          enumerable: true,
          get(this: StructBase) {
            return readField(this.#view, field);
          },
          set(this: StructBase, value: unknown) {
            writeField(this.#view, field, value, `${name}.${key}`);
          },
        });
      }
    }
  }
  // The accessors are defined dynamically, which the compiler cannot infer.
  return StructBase as unknown as StructClass<F>;
}

function part(view: DataView<ArrayBuffer>, field: Field): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer, view.byteOffset + field.offset, fieldSize(field));
}

function readField(view: DataView<ArrayBuffer>, field: Field): unknown {
  const at = field.offset;
  switch (field.type) {
    case "bool":
      return view.getUint8(at) !== 0;
    case "i8":
      return view.getInt8(at);
    case "u8":
      return view.getUint8(at);
    case "i16":
      return view.getInt16(at, true);
    case "u16":
      return view.getUint16(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "f32":
      return view.getFloat32(at, true);
    case "f64":
      return view.getFloat64(at, true);
    case "i64":
      return view.getBigInt64(at, true);
    case "u64":
    case "usize":
    case "pointer":
    case "function":
      return view.getBigUint64(at, true);
    case "bytes":
      return part(view, field);
    case "struct":
      return new field.of(part(view, field));
  }
}

function writeField(
  view: DataView<ArrayBuffer>,
  field: Field,
  value: unknown,
  where: string,
): void {
  const at = field.offset;
  switch (field.type) {
    case "bool":
      return view.setUint8(at, value ? 1 : 0);
    case "i8":
      return view.setInt8(at, value as number);
    case "u8":
      return view.setUint8(at, value as number);
    case "i16":
      return view.setInt16(at, value as number, true);
    case "u16":
      return view.setUint16(at, value as number, true);
    case "i32":
      return view.setInt32(at, value as number, true);
    case "u32":
      return view.setUint32(at, value as number, true);
    case "f32":
      return view.setFloat32(at, value as number, true);
    case "f64":
      return view.setFloat64(at, value as number, true);
    case "i64":
      return view.setBigInt64(at, value as bigint, true);
    case "u64":
    case "usize":
    case "pointer":
    case "function":
      return view.setBigUint64(at, value as bigint, true);
    case "bytes":
      return writeBytes(part(view, field), value as Uint8Array, where);
    case "struct":
      return part(view, field).set((value as Struct<Fields>).bytes);
  }
}

function writeBytes(target: Uint8Array, value: Uint8Array, where: string): void {
  if (value.length > target.length) {
    throw new RangeError(
      `Cannot set ${where}: it holds ${target.length} bytes, current value has ${value.length}`,
    );
  }
  target.fill(0);
  target.set(value);
}
