/** The engine against what llama.cpp's own server said; `deno task goldens` writes the facts. */
import { assertEquals, assertGreater, assertGreaterOrEqual, assertLess } from "@std/assert";
import { LLAMA_VERSION } from "../../ffi/mod.ts";
import { expandText } from "../../scripts/goldens/inputs.ts";
import type { LoadOptions } from "../../src/engine/protocol/mod.ts";
import { writeVectors } from "../models/control_vector.ts";
import {
  ask,
  collect,
  type IteratingEngine,
  PIRATE_LORA,
  TINY_F16,
  tinyEngine,
} from "../support/engine.ts";
import embeddings from "./embeddings_adapted.json" with { type: "json" };
import f16 from "./continuations_f16.json" with { type: "json" };
import pirate from "./continuations_pirate.json" with { type: "json" };
import q4 from "./continuations_q4_k_m.json" with { type: "json" };
import vector from "./continuations_vector.json" with { type: "json" };
import vectorLayers from "./continuations_vector_layers.json" with { type: "json" };
import vectorPirate from "./continuations_vector_pirate.json" with { type: "json" };
import vectors from "./continuations_vectors.json" with { type: "json" };
import texts from "./tokens.json" with { type: "json" };

Deno.test("the golden facts are of the pinned version", () => {
  const vectorFacts = [vector, vectors, vectorLayers, vectorPirate, embeddings];
  for (const { llama } of [texts, q4, f16, pirate, ...vectorFacts]) {
    assertEquals(llama, LLAMA_VERSION);
  }
});

Deno.test("awkward texts have the token ids that llama.cpp gives them", async () => {
  await using engine = await tinyEngine();
  assertGreaterOrEqual(texts.rows.length, 60);
  for (const row of texts.rows) {
    const text = expandText(row);
    assertEquals(
      await engine.tokenize([{ text, special: row.special }], false),
      row.tokens,
      `${row.name}, ${row.special ? "control tokens" : "text alone"}`,
    );
    // Byte-pair tokens lose nothing but halves of surrogate pairs.
    assertEquals(await engine.detokenize(row.tokens), text.toWellFormed(), row.name);
  }
});

const CONTINUATIONS: readonly [string, typeof q4, Partial<LoadOptions>][] = [
  ["Q4_K_M", q4, {}],
  ["F16", f16, { modelPaths: [TINY_F16] }],
  ["an adapter", pirate, { loras: [{ path: PIRATE_LORA, scale: 1 }] }],
];

for (const [name, { rows }, changes] of CONTINUATIONS) {
  Deno.test(`greedy continuations with ${name} are llama.cpp's`, async () => {
    await using engine = await tinyEngine({ parallel: 1, ...changes });
    await continuesAs(engine, rows);
  });
}

async function continuesAs(engine: IteratingEngine, rows: typeof q4.rows): Promise<void> {
  assertGreaterOrEqual(rows.length, 12);
  for (const { prompt, maxTokens, text, tokens, finishReason } of rows) {
    const answer = await collect(engine.generate(ask(prompt, { maxTokens, cachePrompt: false })));
    assertEquals(answer.text, text, prompt);
    assertEquals(answer.tokens, tokens, prompt);
    assertEquals(answer.done.finishReason, finishReason, prompt);
  }
}

Deno.test("greedy continuations with control vectors are llama.cpp's", async (t) => {
  const folder = await Deno.makeTempDir();
  const { swerve, drift } = await writeVectors(folder);
  const lora = { path: PIRATE_LORA, scale: 1 };
  const sets: readonly [string, typeof q4, LoadOptions["loras"]][] = [
    ["one", vector, [{ path: swerve, scale: 1 }]],
    ["two", vectors, [{ path: drift, scale: -0.25 }, { path: swerve, scale: 0.75 }]],
    ["in some layers", vectorLayers, [{ path: drift, scale: 0.7, layers: [2, 3] }]],
    ["beside an adapter", vectorPirate, [{ path: swerve, scale: 1 }, lora]],
  ];
  for (const [name, { rows }, loras] of sets) {
    await t.step(name, async () => {
      await using engine = await tinyEngine({ parallel: 1, modelPaths: [TINY_F16], loras });
      const plain = f16.rows.filter((row, at) => row.text.startsWith(rows[at]!.text));
      assertLess(plain.length, rows.length - 4);
      await continuesAs(engine, rows);
    });
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("embeddings with an adapter and a control vector are llama.cpp's", async () => {
  const folder = await Deno.makeTempDir();
  const { swerve } = await writeVectors(folder);
  const loras = [{ path: swerve, scale: 1 }, { path: PIRATE_LORA, scale: 1 }];
  await using engine = await tinyEngine({ modelPaths: [TINY_F16], loras });
  const inputs = embeddings.rows.map(({ text }) => ({ field: "input", text }));
  const off = async (chosen?: []) => {
    const { vectors } = await engine.embed({ inputs, normalize: true, loras: chosen });
    const differences = embeddings.rows.flatMap(({ embedding }, row) =>
      embedding.map((value, at) => Math.abs(value - vectors[row]![at]!))
    );
    return Math.max(...differences);
  };
  assertLess(await off(), 1e-3);
  assertGreater(await off([]), 0.05);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("greedy continuations are the same when they run together and share prefixes", async () => {
  await using engine = await tinyEngine({ parallel: 4 });
  const answers = await Promise.all(
    q4.rows.map(({ prompt, maxTokens }) => collect(engine.generate(ask(prompt, { maxTokens })))),
  );
  assertEquals(answers.map(({ text }) => text), q4.rows.map(({ text }) => text));
});
