import type { Declarations } from "./c_declarations.ts";
import { ffiName, layOut, pascalCase, type PlacedField, resolve } from "./layout.ts";
import { boundConstants, boundEnums, boundStructs } from "./selection.ts";

/** The text of `ffi/generated/structs.ts`. */
export function emitStructs(found: Declarations): string {
  const tags = boundStructs(found);
  const classes = tags.map((tag) => {
    const { size, fields } = layOut(tag, found);
    const lines = fields.map((field) => `  ${field.name}: ${place(field, found)}, // ${field.c}\n`);
    const name = pascalCase(tag);
    return `export const ${name} = defineStruct("${tag}", ${size}, {\n${lines.join("")}});\n` +
      `export type ${name} = InstanceType<typeof ${name}>;\n`;
  });
  return `import { defineStruct } from "../memory/struct.ts";\n\n${classes.join("\n")}\n` +
    `/** Every struct above. */\nexport const STRUCTS = [\n` +
    tags.map((tag) => `  ${pascalCase(tag)},\n`).join("") + `] as const;\n`;
}

function place(field: PlacedField, found: Declarations): string {
  const resolved = resolve(field.type, found);
  const at = `offset: ${field.offset}`;
  if (resolved.kind === "array") return `{ ${at}, type: "bytes", size: ${field.size} }`;
  if (resolved.kind === "struct") {
    return `{ ${at}, type: "struct", of: ${pascalCase(resolved.tag)} }`;
  }
  return `{ ${at}, type: "${ffiName(field.type, found)}" }`;
}

/** The text of `ffi/generated/enums.ts`. */
export function emitEnums(found: Declarations): string {
  const tags = boundEnums(found);
  const objects = tags.map((tag) => {
    const members = found.enums.get(tag)!;
    const prefix = commonPrefix(tag, [...members.keys()]);
    const lines = [...members].map(([name, value]) =>
      `  ${name.slice(prefix.length)}: ${value},\n`
    );
    const name = tag.toUpperCase();
    return `/** \`enum ${tag}\`, without its prefix \`${prefix}\`. */\n` +
      `export const ${name} = {\n${lines.join("")}} as const;\n` +
      `export type ${pascalCase(tag)} = ValueOf<typeof ${name}>;\n`;
  });
  const all = tags.map((tag) => {
    const prefix = commonPrefix(tag, [...found.enums.get(tag)!.keys()]);
    return `  ${prefix}: ${tag.toUpperCase()},\n`;
  });
  return `type ValueOf<T> = T[keyof T];\n\n${
    objects.join("\n")
  }\n/** Every enum above under the prefix of its members in C. */\n` +
    `export const ENUMS = {\n${all.join("")}} as const;\n`;
}

/**
 * Common prefix of enum members: `LLAMA_VOCAB_TYPE_` for `llama_vocab_type`; if members have other
 * names, their longest common prefix.
 */
function commonPrefix(tag: string, members: readonly string[]): string {
  const expected = `${tag.toUpperCase()}_`;
  if (members.every((name) => name.startsWith(expected))) return expected;
  let prefix = members[0] ?? "";
  for (const name of members) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix.slice(0, prefix.lastIndexOf("_") + 1);
}

/** The text of `ffi/generated/constants.ts`. */
export function emitConstants(found: Declarations): string {
  return boundConstants(found).map((name) =>
    `export const ${name} = ${found.constants.get(name)};\n`
  ).join("");
}
