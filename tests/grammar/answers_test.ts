import { assert, assertEquals, assertGreater } from "@std/assert";
import { Ajv2020 } from "test:ajv";
import addFormats from "test:ajv-formats";
import { schemaToGrammar } from "../../src/grammar/mod.ts";
import { ask, collect, question, tinyEngine } from "../support/engine.ts";
import { Random } from "./random.ts";
import { randomSchema } from "./schemas.ts";

const SCHEMAS = 100;
const AT_ONCE = 4;

Deno.test("completed output under a random schema validates, and truncated output is reported", async () => {
  await using engine = await tinyEngine({ parallel: AT_ONCE });
  const ajv = new Ajv2020({ strict: false, multipleOfPrecision: 6 });
  addFormats.default(ajv);
  let next = 1;
  let finished = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next <= SCHEMAS) {
      const seed = next++;
      const { schema } = randomSchema(new Random(seed + 9_000_000));
      const validate = ajv.compile(schema as boolean);
      const { text, done } = await collect(engine.generate(ask(question("Give me JSON."), {
        grammar: { source: schemaToGrammar(schema) },
        // Unlikely text for the model, so that only the grammar enforces it.
        sampling: { temperature: 1.5, topK: 0, topP: 1, minP: 0, seed },
        maxTokens: 160,
      })));
      const told = `seed ${seed}: ${JSON.stringify(schema)} made ${text}`;
      if (done.finishReason === "stop") {
        finished++;
        assert(validate(JSON.parse(text)), told);
      } else assertEquals([done.finishReason, done.usage.completionTokens], ["length", 160], told);
    }
  }));
  assertGreater(finished, SCHEMAS / 2);
});
