import type { CFunction, CType, Declarations } from "./c_declarations.ts";
import { ffiName, layOut, resolve } from "./layout.ts";
import {
  GGML_FUNCTIONS,
  ggmlFunctions,
  llamaFunctions,
  mtmdFunctions,
  OPAQUE,
} from "./selection.ts";

/** The text of `ffi/generated/llama_symbols.ts`. */
export function emitLlamaSymbols(found: Declarations): string {
  const names = llamaFunctions(found);
  return byValueStructs(names, found) +
    table("LLAMA_SYMBOLS", "Everything in llama.h that is not deprecated.", names, found);
}

/** The text of `ffi/generated/ggml_symbols.ts`. */
export function emitGgmlSymbols(found: Declarations): string {
  const tables = Object.entries(GGML_FUNCTIONS).map(([name, { note }]) =>
    [name, note, ggmlFunctions(found, name)] as const
  );
  return byValueStructs(tables.flatMap(([, , names]) => names), found) +
    tables.map(([name, note, names]) => table(name, note, names, found)).join("\n");
}

/** The text of `ffi/generated/mtmd_symbols.ts`. */
export function emitMtmdSymbols(found: Declarations): string {
  const names = mtmdFunctions(found);
  return byValueStructs(names, found) +
    table("MTMD_SYMBOLS", "Exported by libmtmd: images and audio in prompts.", names, found);
}

function table(
  name: string,
  note: string,
  functions: readonly string[],
  found: Declarations,
): string {
  const entries = functions.map((one) => entry(found.functions.get(one)!, found));
  return `/** ${note} */\nexport const ${name} = {\n${entries.join("")}` +
    `} as const satisfies Deno.ForeignLibraryInterface;\n`;
}

function entry(declared: CFunction, found: Declarations): string {
  const result = `result: ${valueType(declared.result, found)}, // ${declared.resultC}\n`;
  const parameters = declared.parameters.map((parameter) =>
    `      ${parameterType(parameter.type, found)}, // ${parameter.c} ${parameter.name}\n`
  );
  const list = parameters.length ? `[\n${parameters.join("")}    ]` : "[]";
  return `  ${declared.name}: {\n    parameters: ${list},\n    ${result}  },\n`;
}

function valueType(type: CType, found: Declarations): string {
  const resolved = resolve(type, found);
  return resolved.kind === "struct" ? resolved.tag : `"${ffiName(type, found)}"`;
}

/**
 * Memory provided by the caller (text, arrays, structs) is a `buffer`. Handles, callbacks and
 * untyped writable memory are pointers.
 */
function parameterType(type: CType, found: Declarations): string {
  const resolved = resolve(type, found);
  if (resolved.kind !== "pointer") return valueType(type, found);
  const target = resolve(resolved.to, found);
  const handle = target.kind === "struct" &&
    (OPAQUE.has(target.tag) || !found.structs.has(target.tag));
  const untyped = target.kind === "scalar" && target.ffi === "void" && !resolved.constant;
  return handle || untyped ? `"pointer"` : `"buffer"`;
}

/** A constant for every struct that a function takes or returns by value. */
function byValueStructs(functions: readonly string[], found: Declarations): string {
  const tags = new Set<string>();
  for (const name of functions) {
    const { result, parameters } = found.functions.get(name)!;
    for (const type of [result, ...parameters.map((parameter) => parameter.type)]) {
      const resolved = resolve(type, found);
      if (resolved.kind === "struct") addWithParts(resolved.tag, tags, found);
    }
  }
  return [...tags].map((tag) => {
    const fields = layOut(tag, found).fields.map((field) =>
      `    ${valueType(field.type, found)}, // ${field.c} ${field.name}\n`
    );
    return `const ${tag} = {\n  struct: [\n${fields.join("")}  ],\n} as const;\n\n`;
  }).join("");
}

/** Adds a struct after the structs that it contains. */
function addWithParts(tag: string, tags: Set<string>, found: Declarations): void {
  for (const { type } of layOut(tag, found).fields) {
    const resolved = resolve(type, found);
    if (resolved.kind === "struct") addWithParts(resolved.tag, tags, found);
  }
  tags.add(tag);
}
