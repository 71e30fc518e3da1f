import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "test:ajv";
import { ShimmyError } from "../../src/errors.ts";
import { schemaToGrammar } from "../../src/grammar/mod.ts";
import { matches, parseGbnf, sampler } from "./gbnf.ts";
import { Random } from "./random.ts";

const SCHEMAS = 600;
const SENTENCES = 4;

/** Small values of every type. Objects have their properties in the order of the schemas. */
const SCALARS = [null, true, false, 0, 1, 2, 5, -1, 1.5, "", "a", "b", "ab", "xyz"];
const VALUES: readonly unknown[] = [
  ...SCALARS,
  [],
  ...SCALARS.map((value) => [value]),
  [1, 2],
  [1, 1],
  ["a", 1],
  [1, "a", "b"],
  ["a", "b", "a"],
  {},
  ...[1, "a", null].flatMap((value) => [{ a: value }, { b: value }, { c: value }]),
  { a: 1, b: 2 },
  { a: "a", b: 1 },
  { a: 1, b: "b", c: true },
  { b: 1, c: "a" },
];

type Schema = boolean | Record<string, unknown>;

/** A random schema of conditions, negations and combinations over small values. */
function randomSchema(random: Random, depth: number): Schema {
  const below = () => randomSchema(random, depth - 1);
  const some = <T>(from: readonly T[]) => from.filter(() => random.chance(0.4));
  const names = ["a", "b", "c"];
  const leaves: (() => Schema)[] = [
    () => ({ enum: [random.pick(SCALARS), "q"] }),
    () => ({ const: random.pick(SCALARS) }),
    () => ({ type: random.pick(["string", "integer", "number", "null", "boolean"]) }),
    () => ({ type: random.pick(["object", "array"]) }),
    () => ({ minimum: random.between(-1, 3) }),
    () => ({ type: "integer", exclusiveMaximum: random.between(0, 5) }),
    () => ({ maxLength: random.between(0, 2) }),
    () => ({ type: "string", pattern: random.pick(["^a", "b$", "^x?y?z?$"]) }),
    () => ({ required: some(names) }),
    () => ({ type: "array", minItems: random.between(0, 2), maxItems: random.between(1, 3) }),
    () => ({ uniqueItems: true, items: { enum: ["c", ...some(["a", "b", 1, 2])] } }),
    () => random.chance(0.5),
  ];
  if (depth <= 0) return random.pick(leaves)();
  const properties = () => Object.fromEntries(some(names).map((name) => [name, below()]));
  const nodes: (() => Schema)[] = [
    () => ({ not: below() }),
    () => ({ type: "object", properties: properties(), not: below() }),
    () => ({ if: below(), then: below(), else: below() }),
    () => ({ properties: properties(), if: below(), then: below() }),
    () => ({ oneOf: [below(), below(), below()] }),
    () => ({ anyOf: [below(), below()], allOf: [below()] }),
    () => ({ type: "object", properties: properties(), required: some(names) }),
    () => ({ properties: properties(), dependentRequired: { a: some(names), b: some(names) } }),
    () => ({ properties: properties(), dependentSchemas: { a: below() } }),
    () => ({ contains: below(), minContains: random.between(0, 2) }),
    () => ({ contains: below(), maxContains: random.between(1, 2), maxItems: 3 }),
    () => ({ items: below(), prefixItems: [below()] }),
    () => ({ anyOf: [{ properties: properties() }, below()], unevaluatedProperties: below() }),
    () => ({ allOf: [{ prefixItems: [below()] }], unevaluatedItems: below() }),
  ];
  return random.pick([...nodes, ...nodes, ...leaves])();
}

Deno.test("conditions, negations and combinations accept no invalid value", () => {
  let compiled = 0;
  let accepted = 0;
  let valid = 0;
  for (let seed = 1; seed <= SCHEMAS; seed++) {
    const random = new Random(seed);
    const schema = randomSchema(random, 2);
    const validate = new Ajv2020({ strict: false }).compile(schema);
    let source: string;
    try {
      source = schemaToGrammar(schema, { compact: true });
    } catch (error) {
      if (error instanceof ShimmyError) continue;
      throw new Error(`seed ${seed}: ${JSON.stringify(schema)}`, { cause: error });
    }
    compiled++;
    const grammar = parseGbnf(source);
    for (const value of VALUES) {
      const written = JSON.stringify(value);
      const isAccepted = matches(grammar, written);
      const isValid = validate(value) as boolean;
      if (isValid) valid++;
      if (isAccepted && isValid) accepted++;
      assert(isValid || !isAccepted, `seed ${seed}: ${JSON.stringify(schema)} takes ${written}`);
    }
    const make = sampler(grammar, random);
    for (let count = 0; count < SENTENCES; count++) {
      const sentence = make();
      const told = `seed ${seed}: ${JSON.stringify(schema)} made ${sentence}`;
      assertEquals(validate(JSON.parse(sentence)), true, told);
    }
  }
  // Some schemas allow no value, and grammars are narrower than schemas that imply a type.
  assert(compiled > 0.6 * SCHEMAS, `${compiled} of ${SCHEMAS} compiled`);
  assert(accepted > 0.2 * valid, `${accepted} of ${valid} valid values accepted`);
});
