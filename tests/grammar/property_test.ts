import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "test:ajv";
import addFormats from "test:ajv-formats";
import { schemaToGrammar } from "../../src/grammar/mod.ts";
import { matches, parseGbnf, sampler } from "./gbnf.ts";
import { Random } from "./random.ts";
import { randomSchema } from "./schemas.ts";

const SCHEMAS = 1_000;
const SENTENCES = 6;

function validatorOf(schema: unknown): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 6 });
  addFormats.default(ajv);
  const validate = ajv.compile(schema as boolean);
  return (value) => validate(value) as boolean;
}

Deno.test("every sentence of a random schema's grammar is JSON that validates", () => {
  for (let seed = 1; seed <= SCHEMAS; seed++) {
    const random = new Random(seed);
    const { schema } = randomSchema(random);
    const validates = validatorOf(schema);
    const source = schemaToGrammar(schema, { compact: random.chance(0.3) });
    const make = sampler(parseGbnf(source), random);
    for (let count = 0; count < SENTENCES; count++) {
      const sentence = make();
      const told = () => `seed ${seed}: ${JSON.stringify(schema)} made ${sentence}`;
      let value: unknown;
      try {
        value = JSON.parse(sentence);
      } catch {
        throw new Error(told());
      }
      assert(validates(value), told());
    }
  }
});

Deno.test("valid values in schema order are sentences of its grammar", () => {
  for (let seed = 1; seed <= SCHEMAS; seed++) {
    const random = new Random(seed + 1_000_000);
    const { schema, value } = randomSchema(random);
    const validates = validatorOf(schema);
    const grammar = parseGbnf(schemaToGrammar(schema, { compact: true }));
    for (let count = 0; count < SENTENCES; count++) {
      const instance = value();
      const written = JSON.stringify(instance);
      const told = `seed ${seed}: ${JSON.stringify(schema)} takes ${written}`;
      assert(validates(instance), `the test's own value is wrong, ${told}`);
      assertEquals(matches(grammar, written), true, told);
    }
  }
});
