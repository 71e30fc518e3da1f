/** Embeddings and scores against what llama.cpp's own programs said; `deno task goldens` writes the facts. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { LLAMA_VERSION } from "../../ffi/mod.ts";
import { hash } from "../../scripts/goldens/embeddings.ts";
import { expandText } from "../../scripts/goldens/inputs.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { type EncoderName, ENCODERS } from "../models/encoders.ts";
import { distance, texts, withModel } from "../support/encoders.ts";
import golden from "./embeddings.json" with { type: "json" };

/**
 * Largest difference of a value, of vectors of length 1 and of scores below 1.
 *
 * Without flash attention all is computed with 32 bits but for a table of GELU's values, in an order that
 * differs by processor and by what is computed together: from SSE 4.2 to AVX-512 that moves values by at
 * most 8e-5, and by less than 1e-5 on processors with the same instructions.
 *
 * Flash attention rounds keys and values to 16 bits (2^-11 of their size) and sums them in other ways for
 * larger batches: llama.cpp's own programs differ from each other by up to 7e-4.
 */
const TOLERANCE = { off: 2e-4, auto: 1e-3 } as const;
type Flash = keyof typeof TOLERANCE;
const WAYS = ["off", "auto"] as const;

interface VectorRow {
  readonly model: string;
  readonly name: string;
  readonly text: string;
  readonly times?: number;
  readonly tokens: number;
  /** From the server, without flash attention and with it. */
  readonly plain: readonly number[];
  readonly flash: readonly number[];
  /** From `llama-embedding`, which computes all texts together, without flash attention. */
  readonly printed: readonly number[];
}

const rows: readonly Record<string, unknown>[] = golden.rows;
const vectorRows = (model: string) =>
  rows.filter((row) => row.model === model && "printed" in row) as unknown as VectorRow[];

function assertNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  flash: Flash,
  what: string,
): void {
  const off = distance(actual, expected);
  assert(off <= TOLERANCE[flash], `${what}, flash attention ${flash}: off by ${off}`);
}

Deno.test("the golden vectors are of the pinned version and of these models", async () => {
  assertEquals(golden.llama, LLAMA_VERSION);
  for (const [model, build] of Object.entries(ENCODERS)) {
    const row = rows.find((row) => row.model === model && "sha256" in row);
    assertEquals(row?.sha256, await hash(build()), model);
  }
});

async function check(engine: Engine, model: EncoderName, flash: Flash): Promise<void> {
  const facts = vectorRows(model);
  assertGreater(facts.length, 8);
  const list = facts.map(expandText);
  const expected = ({ plain, flash: vector }: Pick<VectorRow, "plain" | "flash">) =>
    flash === "off" ? plain : vector;
  const together = await engine.embed(texts(list));
  assertEquals(together.tokens, facts.map(({ tokens }) => tokens));
  for (const [index, row] of facts.entries()) {
    const alone = await engine.embed(texts([list[index]!]));
    assertNear(alone.vectors[0]!, expected(row), flash, `${row.name}, alone`);
    assertNear(together.vectors[index]!, expected(row), flash, `${row.name}, together`);
    assertNear(together.vectors[index]!, row.printed, flash, `${row.name}, as it is printed`);
  }
  const given = rows.find((row) => row.model === model && "ids" in row) as
    & Pick<VectorRow, "plain" | "flash">
    & { readonly ids: readonly number[] };
  const inputs = [{ field: "input", tokens: given.ids }];
  const { vectors, tokens } = await engine.embed({ inputs, normalize: true });
  assertNear(vectors[0]!, expected(given), flash, "token ids");
  assertEquals(tokens, [given.ids.length]);
}

for (const model of ["bert-mean", "bert-cls", "qwen3-last", "qwen3-mean"] as const) {
  Deno.test(`embeddings of ${model} are llama.cpp's, alone and together`, async () => {
    for (const flashAttention of WAYS) {
      await withModel(
        ENCODERS[model](),
        (engine) => check(engine, model, flashAttention),
        { flashAttention },
      );
    }
  });
}

interface ScoreRow {
  readonly query: string;
  readonly documents: readonly string[];
  readonly tokens: number;
  readonly results: readonly { readonly index: number; readonly score: number }[];
}

for (const model of ["bert-rank", "qwen3-rank"] as const) {
  Deno.test(`scores and order of ${model} are those of llama.cpp's server`, async () => {
    for (const flashAttention of WAYS) {
      const row = rows.find((row) => row.model === model && row.flash === flashAttention);
      const facts = row as unknown as ScoreRow;
      await withModel(ENCODERS[model](), (engine) => checkScores(engine, facts, flashAttention), {
        flashAttention,
      });
    }
  });
}

async function checkScores(engine: Engine, facts: ScoreRow, flash: Flash): Promise<void> {
  const { query, documents, results } = facts;
  const inputs = documents.map((document, index) => ({
    field: `documents[${index}]`,
    query,
    document,
  }));
  const { vectors, tokens } = await engine.embed({ inputs, normalize: false });
  assertEquals(tokens.reduce((sum, count) => sum + count, 0), facts.tokens);
  const ranked = vectors.map((vector, index) => ({ index, score: vector[0]! }))
    .sort((a, b) => b.score - a.score);
  assertEquals(ranked.map(({ index }) => index), results.map(({ index }) => index));
  assertNear(
    ranked.map(({ score }) => score),
    results.map(({ score }) => score),
    flash,
    "scores",
  );
}
