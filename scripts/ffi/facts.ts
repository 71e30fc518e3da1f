import * as constants from "../../ffi/generated/constants.ts";
import { ENUMS } from "../../ffi/generated/enums.ts";
import { STRUCTS } from "../../ffi/generated/structs.ts";
import { fieldSize } from "../../ffi/memory/struct.ts";

/** A statement of the bindings about the headers: a C expression and its value. */
export interface Fact {
  readonly expression: string;
  readonly value: number;
}

export interface Facts {
  readonly facts: readonly Fact[];
  readonly structs: number;
  readonly fields: number;
  readonly constants: number;
}

/** All statements of the generated structs, enums and constants. */
export function bindingFacts(): Facts {
  const facts: Fact[] = [];
  let fields = 0;
  for (const { NAME, SIZE, FIELDS } of STRUCTS) {
    facts.push({ expression: `sizeof(struct ${NAME})`, value: SIZE });
    for (const [name, field] of Object.entries(FIELDS)) {
      fields++;
      facts.push({ expression: `offsetof(struct ${NAME}, ${name})`, value: field.offset });
      facts.push({
        expression: `sizeof(((struct ${NAME} *) 0)->${name})`,
        value: fieldSize(field),
      });
    }
  }
  const named: [string, number][] = Object.entries(constants);
  for (const [prefix, members] of Object.entries(ENUMS)) {
    for (const [name, value] of Object.entries(members)) named.push([prefix + name, value]);
  }
  for (const [expression, value] of named) facts.push({ expression, value });
  return { facts, structs: STRUCTS.length, fields, constants: named.length };
}

/**
 * A C program that prints the value of each expression on a line.
 *
 * @param headers names as in `#include`
 */
export function cProgram(facts: readonly Fact[], headers: readonly string[]): string {
  return [
    "#include <stddef.h>",
    "#include <stdio.h>",
    ...headers.map((header) => `#include "${header}"`),
    "int main(void) {",
    ...facts.map(({ expression }) => `  printf("%lld\\n", (long long) (${expression}));`),
    "  return 0;",
    "}",
    "",
  ].join("\n");
}

/** Differences between the output of the program and the bindings, one line each. */
export function disagreements(facts: readonly Fact[], output: string): string[] {
  const values = output.trim().split(/\r?\n/);
  return facts.flatMap(({ expression, value }, index) =>
    values[index] === String(value)
      ? []
      : [`${expression}: the headers say ${values[index] ?? "nothing"}, the bindings ${value}`]
  );
}
