import type { CType, Declarations, Variable } from "./c_declarations.ts";

/** Types of `Deno.dlopen` with their size on 64-bit targets. */
const SCALARS: Readonly<Record<string, readonly [ffi: string, size: number]>> = {
  "void": ["void", 0],
  "bool": ["bool", 1],
  "char": ["i8", 1],
  "int8_t": ["i8", 1],
  "uint8_t": ["u8", 1],
  "unsigned char": ["u8", 1],
  "int16_t": ["i16", 2],
  "uint16_t": ["u16", 2],
  "int": ["i32", 4],
  "int32_t": ["i32", 4],
  "uint32_t": ["u32", 4],
  "int64_t": ["i64", 8],
  "uint64_t": ["u64", 8],
  "size_t": ["usize", 8],
  "float": ["f32", 4],
  "double": ["f64", 8],
};

/** A type with typedefs resolved. */
export type Resolved =
  | { readonly kind: "scalar"; readonly ffi: string; readonly size: number }
  | { readonly kind: "enum"; readonly tag: string }
  | { readonly kind: "struct"; readonly tag: string }
  | { readonly kind: "pointer"; readonly to: CType; readonly constant: boolean }
  | { readonly kind: "array"; readonly of: CType; readonly length: number }
  | { readonly kind: "function" };

/** Resolves typedefs. */
export function resolve(type: CType, found: Declarations): Resolved {
  if (type.kind !== "named") return type;
  const [keyword, tag] = type.name.split(" ");
  if (keyword === "enum" && tag !== undefined) return { kind: "enum", tag };
  if (keyword === "struct" && tag !== undefined) return { kind: "struct", tag };
  const scalar = SCALARS[type.name];
  if (scalar) return { kind: "scalar", ffi: scalar[0], size: scalar[1] };
  const target = found.typedefs.get(type.name);
  // A type without a definition, such as FILE, can only occur behind a pointer.
  return target ? resolve(target, found) : { kind: "struct", tag: type.name };
}

/** Size and alignment in bytes. */
export interface Extent {
  readonly size: number;
  readonly align: number;
}

/**
 * Size and alignment of a type.
 *
 * @throws {TypeError} if a struct has no definition
 */
export function extent(type: CType, found: Declarations): Extent {
  const resolved = resolve(type, found);
  switch (resolved.kind) {
    case "scalar":
      return { size: resolved.size, align: resolved.size };
    case "enum":
      return { size: 4, align: 4 };
    case "pointer":
    case "function":
      return { size: 8, align: 8 };
    case "array": {
      const element = extent(resolved.of, found);
      return { size: element.size * resolved.length, align: element.align };
    }
    case "struct":
      return layOut(resolved.tag, found);
  }
}

/** A field with its position. */
export interface PlacedField extends Variable {
  readonly offset: number;
  readonly size: number;
}

export interface Layout extends Extent {
  readonly fields: readonly PlacedField[];
}

/**
 * Layout of a struct by the rules of C compilers on 64-bit Linux, macOS and Windows: each member at
 * the next multiple of its alignment, the size rounded up to the largest alignment.
 */
export function layOut(tag: string, found: Declarations): Layout {
  const members = found.structs.get(tag);
  if (!members) throw new TypeError(`Cannot lay out struct ${tag}: no header defines it`);
  const fields: PlacedField[] = [];
  let end = 0;
  let align = 1;
  for (const member of members) {
    const variants = "union" in member ? member.union : [member];
    const extents = variants.map((variant) => extent(variant.type, found));
    const alignment = Math.max(...extents.map((one) => one.align));
    const offset = Math.ceil(end / alignment) * alignment;
    variants.forEach((variant, index) =>
      fields.push({ ...variant, offset, size: extents[index]!.size })
    );
    end = offset + Math.max(...extents.map((one) => one.size));
    align = Math.max(align, alignment);
  }
  return { size: Math.ceil(end / align) * align, align, fields };
}

/** Name in `Deno.dlopen` of a type that is not a struct by value. */
export function ffiName(type: CType, found: Declarations): string {
  const resolved = resolve(type, found);
  switch (resolved.kind) {
    case "scalar":
      return resolved.ffi;
    case "enum":
      // Compilers use unsigned int for an enum without negative values; registers and memory hold
      // the same 32 bits, and no value of these enums reaches 2^31.
      return "i32";
    case "pointer":
      return "pointer";
    case "function":
      return "function";
    default:
      throw new TypeError(`No single FFI type for ${JSON.stringify(type)}`);
  }
}

/** `llama_model_params` as `LlamaModelParams`. */
export function pascalCase(name: string): string {
  return name.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
