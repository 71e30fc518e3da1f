import { assert, assertEquals } from "@std/assert";
import {
  Candidates,
  grammarSampler,
  loadBackends,
  Model,
  openLibrary,
  silenceLogs,
} from "../../ffi/mod.ts";
import { jsonObjectGrammar, schemaToGrammar } from "../../src/grammar/mod.ts";
import { realLibraryFolder } from "../../ffi/testing.ts";
import { TINY } from "../support/engine.ts";
import { parseGbnf, sampler } from "./gbnf.ts";
import { Random } from "./random.ts";
import { randomSchema } from "./schemas.ts";

const folder = await realLibraryFolder();

/** Parses each grammar with llama.cpp's parser and checks its sentences token by token. */
function followNatively(
  grammars: Iterable<{ source: string; sentences: readonly string[] }>,
): number {
  using library = openLibrary(folder!);
  silenceLogs(library);
  loadBackends(library);
  using model = Model.load(library, { paths: [TINY], gpuLayers: 0, devices: [], vocabOnly: true });
  const candidates = new Candidates(model.vocab.size);
  let followed = 0;
  for (const { source, sentences } of grammars) {
    for (const sentence of sentences) {
      using native = grammarSampler(library, model.vocab, source, "root");
      assert(native !== null, `refused:\n${source.slice(0, 4000)}`);
      for (const token of model.vocab.tokenize(sentence, false, false)) {
        candidates.only(token);
        native.apply(candidates);
        assert(
          candidates.firstIsPossible,
          `token ${token} of ${sentence} under\n${source.slice(0, 4000)}`,
        );
        native.accept(token);
      }
      candidates.only(model.vocab.eos!);
      native.apply(candidates);
      assertEquals(candidates.firstIsPossible, true, `the end of ${sentence}`);
      followed++;
    }
  }
  return followed;
}

Deno.test({
  name: "llama.cpp accepts every grammar and its sentences",
  ignore: folder === null,
  fn() {
    const grammars = function* () {
      yield { source: jsonObjectGrammar(), sentences: ['{"a": [1, null, "\\u00e9"]}'] };
      for (let seed = 1; seed <= 250; seed++) {
        const random = new Random(seed + 5_000_000);
        const source = schemaToGrammar(randomSchema(random).schema, {
          compact: random.chance(0.3),
        });
        const make = sampler(parseGbnf(source), random);
        yield { source, sentences: [make(), make()] };
      }
    };
    assertEquals(followNatively(grammars()), 501);
  },
});

Deno.test({
  name: "long repetitions, long formats and many properties stay within llama.cpp's limits",
  ignore: folder === null,
  fn() {
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`property-${index}`, { type: "integer" }]),
    );
    const cases: readonly (readonly [unknown, string])[] = [
      [{ type: "string", minLength: 2_500, maxLength: 50_000 }, JSON.stringify("é".repeat(2_700))],
      [
        { type: "array", items: { type: "integer" }, minItems: 300, maxItems: 9_000 },
        `[${"7,".repeat(399)}7]`,
      ],
      [{ type: "string", maxLength: 1e9 }, '"short"'],
      [{ type: "string", format: "email", maxLength: 254 }, '"a.b@example.org"'],
      [{ type: "object", properties: many }, '{"property-3":1,"property-199":-20}'],
      [
        { type: "object", properties: many, additionalProperties: true },
        '{"property-3":1,"propertyx":null}',
      ],
      [{ enum: Array.from({ length: 3_000 }, (_, index) => `value ${index}`) }, '"value 2999"'],
    ];
    const grammars = cases.map(([schema, sentence]) => ({
      source: schemaToGrammar(schema),
      sentences: [sentence],
    }));
    assertEquals(followNatively(grammars), cases.length);
  },
});
