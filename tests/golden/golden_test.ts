/** The engine against what llama.cpp's own server said; `deno task goldens` writes the facts. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { LLAMA_VERSION } from "../../ffi/mod.ts";
import { expandText } from "../../scripts/goldens/inputs.ts";
import type { LoadOptions } from "../../src/engine/protocol.ts";
import { ask, collect, PIRATE_LORA, TINY_F16, tinyEngine } from "../support/engine.ts";
import f16 from "./continuations_f16.json" with { type: "json" };
import pirate from "./continuations_pirate.json" with { type: "json" };
import q4 from "./continuations_q4_k_m.json" with { type: "json" };
import texts from "./tokens.json" with { type: "json" };

Deno.test("the golden facts are of the pinned version", () => {
  for (const { llama } of [texts, q4, f16, pirate]) assertEquals(llama, LLAMA_VERSION);
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
    assertGreaterOrEqual(rows.length, 12);
    for (const { prompt, maxTokens, text, tokens, finishReason } of rows) {
      const answer = await collect(engine.generate(ask(prompt, { maxTokens, cachePrompt: false })));
      assertEquals(answer.text, text, prompt);
      assertEquals(answer.tokens, tokens, prompt);
      assertEquals(answer.done.finishReason, finishReason, prompt);
    }
  });
}

Deno.test("greedy continuations are the same when they run together and share prefixes", async () => {
  await using engine = await tinyEngine({ parallel: 4 });
  const answers = await Promise.all(
    q4.rows.map(({ prompt, maxTokens }) => collect(engine.generate(ask(prompt, { maxTokens })))),
  );
  assertEquals(answers.map(({ text }) => text), q4.rows.map(({ text }) => text));
});
