import { assert, assertEquals } from "@std/assert";
import { matches, parseGbnf } from "../../tests/grammar/gbnf.ts";
import { GrammarBuilder } from "./mod.ts";

/** A grammar of alternatives, one per schema. */
function grammarOf(schemas: readonly unknown[]): string {
  const builder = new GrammarBuilder();
  const names = schemas.map((schema) => builder.addSchema(schema));
  builder.addRule("root", names.join(" | "));
  return builder.toString();
}

const properties = (count: number, schema: (index: number) => unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, schema(index)]));

Deno.test("schemas share the rule of a long bound", () => {
  const string = { type: "string", maxLength: 65_536 };
  const object = { type: "object", properties: properties(7, () => string) };
  const source = grammarOf(Array.from({ length: 58 }, () => object));
  assertEquals(source.match(/^json-string-0-65536 ::=/gm)?.length, 1);
});

Deno.test("36 long bounds of different lengths fit a grammar", () => {
  const schema = (index: number) => ({ type: "string", maxLength: 65_536 - index });
  grammarOf([{ type: "object", properties: properties(36, schema) }]);
});

Deno.test("long bounds of a string's length are exact", () => {
  for (const [minLength, maxLength] of [[0, 300], [70, 700], [0, 20_000], [5_000, 17_000]]) {
    const grammar = parseGbnf(grammarOf([{ type: "string", minLength, maxLength }]));
    const accepts = (length: number) => matches(grammar, `"${"x".repeat(length)}"`);
    assert(accepts(maxLength!));
    assert(!accepts(maxLength! + 1));
    assert(accepts(minLength!));
    if (minLength! > 0) assert(!accepts(minLength! - 1));
    for (const length of [minLength! + 1, minLength! + 63, minLength! + 65, maxLength! - 64]) {
      assert(accepts(length), `${length} of ${minLength} to ${maxLength}`);
    }
  }
});

Deno.test("schemas share the rules of a format", () => {
  const source = grammarOf([
    { type: "object", properties: properties(3, () => ({ type: "string", format: "date" })) },
    { type: "string", format: "date" },
  ]);
  assertEquals(source.match(/^json-format-date ::=/gm)?.length, 1);
  const grammar = parseGbnf(source);
  assert(matches(grammar, '"2024-02-29"'));
  assert(matches(grammar, '{"p1": "2024-02-29"}'));
  assert(!matches(grammar, '"2024-02-30"'));
});
