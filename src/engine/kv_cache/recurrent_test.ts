/** A model with a recurrent state, whose end cannot be removed. */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { mambaModel } from "../../../tests/models/recurrent.ts";
import { ask, collect, tinyEngine } from "../../../tests/support/engine.ts";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";
import type { LoadOptions, SequenceRequest } from "../protocol/mod.ts";

async function withMamba(
  options: Partial<LoadOptions>,
  use: (engine: Engine) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "mamba.gguf");
    await Deno.writeFile(path, mambaModel());
    const draftPaths = options.draftPaths?.map(() => path);
    await using engine = await tinyEngine({
      modelPaths: [path],
      contextLength: 256,
      ...options,
      ...(draftPaths === undefined ? {} : { draftPaths }),
    });
    await use(engine);
  });
}

/** A greedy request that continues token ids. */
function from(tokens: readonly number[], cachePrompt: boolean): SequenceRequest {
  return ask("", { prompt: [{ tokens }], maxTokens: 12, ignoreEos: true, cachePrompt });
}

const numbers = (length: number, seed: number) =>
  Array.from({ length }, (_, at) => 300 + (at * 41 + seed * 7) % 290);

Deno.test("a recurrent state is reused whole or not at all, and answers stay correct", async () => {
  await withMamba({ parallel: 6 }, async (engine) => {
    const answer = async (tokens: readonly number[], cachePrompt = true) =>
      await collect(engine.generate(from(tokens, cachePrompt)));
    let conversation = numbers(60, 1);
    let reused = 0;
    for (let turn = 0; turn < 6; turn++) {
      const { tokens, done } = await answer(conversation);
      assertEquals([...tokens], [...(await answer(conversation, false)).tokens], `turn ${turn}`);
      reused += done.usage.cachedTokens;
      const branch = [...conversation.slice(0, 40), ...numbers(20, 10 + turn)];
      const other = await answer(branch);
      assertEquals([...other.tokens], [...(await answer(branch, false)).tokens], `turn ${turn}`);
      conversation = [...conversation, ...tokens, ...numbers(5, turn)];
    }
    assert(reused > 0, "nothing of a conversation was used again");
  });
});

Deno.test("concurrent sequences of a recurrent model answer as they do alone", async () => {
  await withMamba({ parallel: 4 }, async (engine) => {
    const prompts = [30, 50, 45].map((length, seed) => numbers(length, seed));
    const alone: number[][] = [];
    for (const prompt of prompts) {
      alone.push([...(await collect(engine.generate(from(prompt, false)))).tokens]);
    }
    const together = await Promise.all(
      prompts.map((prompt) => collect(engine.generate(from(prompt, false)))),
    );
    assertEquals(together.map(({ tokens }) => [...tokens]), alone);
  });
});

Deno.test("limits of a recurrent model are noted", async () => {
  await withMamba({ contextShift: true, draftPaths: ["the same"] }, async (engine) => {
    assertEquals((await engine.status()).speculation, "lookup");
    assertEquals(engine.info.notes.filter((note) => /draft|shift/.test(note)), [
      "The draft model is skipped: it has a recurrent state, which cannot lose rejected tokens",
      "The model does not support context shift: answers end when the context is full",
    ]);
    const { tokens } = await collect(engine.generate(from(numbers(20, 3), true)));
    assertEquals(tokens.length, 12);
  });
});
