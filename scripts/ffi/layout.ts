import type { CType, Declarations, Variable } from "./c_declarations.ts";

/** Types as `Deno.dlopen` names them, with what they take in memory on every 64-bit target. */
const SCALARS: Readonly<Record<string, readonly [ffi: string, size: number]>> = {
  "void": ["void", 0],
  "bool": ["bool", 1],
  "char": ["i8", 1],
  "int8_t": ["i8", 1],
  "uint8_t": ["u8", 1],
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

/** A type with its typedefs followed to the end. */
export type Resolved =
  | { readonly kind: "scalar"; readonly ffi: string; readonly size: number }
  | { readonly kind: "enum"; readonly tag: string }
  | { readonly kind: "struct"; readonly tag: string }
  | { readonly kind: "pointer"; readonly to: CType; readonly constant: boolean }
  | { readonly kind: "array"; readonly of: CType; readonly length: number }
  | { readonly kind: "function" };

/** Follows typedefs until a type says what it is. */
export function resolve(type: CType, found: Declarations): Resolved {
  if (type.kind !== "named") return type;
  const [keyword, tag] = type.name.split(" ");
  if (keyword === "enum" && tag !== undefined) return { kind: "enum", tag };
  if (keyword === "struct" && tag !== undefined) return { kind: "struct", tag };
  const scalar = SCALARS[type.name];
  if (scalar) return { kind: "scalar", ffi: scalar[0], size: scalar[1] };
  const target = found.typedefs.get(type.name);
  // A type that no header defines, such as FILE, can only stand behind a pointer.
  return target ? resolve(target, found) : { kind: "struct", tag: type.name };
}

/** Size and alignment in bytes. */
export interface Extent {
  readonly size: number;
  readonly align: number;
}

/**
 * What a value of a type takes in memory.
 *
 * @throws {TypeError} where a struct is only declared
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

/** A field in its place. */
export interface PlacedField extends Variable {
  readonly offset: number;
  readonly size: number;
}

export interface Layout extends Extent {
  readonly fields: readonly PlacedField[];
}

/**
 * The layout of a struct by the rules that all C compilers of 64-bit Linux, macOS and Windows share:
 * every member at the next multiple of its alignment, the whole rounded up to the largest.
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

/** The name that `Deno.dlopen` has for a type which is not a struct by value. */
export function ffiName(type: CType, found: Declarations): string {
  const resolved = resolve(type, found);
  switch (resolved.kind) {
    case "scalar":
      return resolved.ffi;
    case "enum":
      // Compilers give an enum without negative values the type unsigned int; in a register and in
      // memory both are the same 32 bits, and none of these enums reaches 2^31.
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
