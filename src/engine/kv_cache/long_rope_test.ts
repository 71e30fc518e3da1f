/** A KV cache that was computed with the short factors of long RoPE is not used with the long ones. */
import { assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { longRopeModel, ORIGINAL_CONTEXT } from "../../../tests/models/long_rope.ts";
import { type IteratingEngine, tinyEngine } from "../../../tests/support/engine.ts";
import {
  type Answer,
  answer,
  assertSameAnswers,
  randomNumbers,
  type Way,
} from "../../../tests/support/exactness.ts";
import type { ContextShape, LoadOptions } from "../protocol/mod.ts";

const WAY: Way = { together: 1, cachePrompt: true, maxTokens: 6, ignoreEos: true };
const ROUNDING = 0.001;
const random = randomNumbers(8);
const words = (count: number) => Array.from({ length: count }, () => 300 + random(280));

type Load = (changes?: Partial<LoadOptions>) => Promise<IteratingEngine>;

async function withModel(use: (load: Load, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "model.gguf");
    await Deno.writeFile(path, longRopeModel());
    await use((changes = {}) =>
      tinyEngine({
        modelPaths: [path],
        kvType: "f32",
        flashAttention: "off",
        parallel: 1,
        ...changes,
      }), folder);
  });
}

/** The answer of an engine without a cache. */
async function alone(load: Load, contextLength: number, prompt: number[]): Promise<Answer[]> {
  await using engine = await load({ contextLength });
  return await answer(engine, [prompt], { ...WAY, cachePrompt: false });
}

Deno.test("a larger context with other factors computes the conversation again", async () => {
  await withModel(async (load) => {
    const first = words(200);
    const next = [...first, ...words(100)];
    const shape: ContextShape = {
      ...{ length: ORIGINAL_CONTEXT, sequences: 2, unified: false, cells: 2 * ORIGINAL_CONTEXT },
      ...{ swaFull: true, kvBytes: 0, reason: "two short streams" },
    };
    const [short] = await alone(load, ORIGINAL_CONTEXT, first);
    const [long] = await alone(load, 1024, first);
    // Otherwise the test would show nothing.
    assertNotEquals(short!.tokens[0]!.logprob.toFixed(2), long!.tokens[0]!.logprob.toFixed(2));
    await using engine = await load({ shape, parallel: 2 });
    // The third prompt moves the state of the first to host memory.
    for (const prompt of [first, words(200), words(200)]) await answer(engine, [prompt], WAY);
    assertGreater((await engine.status()).savedBytes, 0);
    const continued = await answer(engine, [next], WAY);
    assertEquals((await engine.status()).context!.replacements, 1);
    assertSameAnswers(continued, await alone(load, 1024, next), "in a larger context", ROUNDING);
    const again = await answer(engine, [first], WAY);
    assertSameAnswers(again, [long!], "after that", ROUNDING);
  });
});

Deno.test("states on disk belong to the factors they were computed with", async () => {
  await withModel(async (load, folder) => {
    const diskCache = { folder: join(folder, "cache"), modelBytes: 2 ** 30, totalBytes: 2 ** 30 };
    const first = words(200);
    const cached = async (contextLength: number) => {
      await using engine = await load({ contextLength, diskCache });
      const answers = await answer(engine, [first], WAY);
      assertSameAnswers(
        answers,
        await alone(load, contextLength, first),
        `${contextLength}`,
        ROUNDING,
      );
      return answers[0]!.usage.cachedTokens;
    };
    assertEquals(await cached(ORIGINAL_CONTEXT), 0);
    assertEquals(await cached(1024), 0);
    assertEquals(await cached(512), 199);
    assertEquals(await cached(ORIGINAL_CONTEXT), 199);
  });
});
