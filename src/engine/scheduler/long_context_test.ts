/** Conversations of all lengths in one context, under set limits of memory. */
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { DEFAULT_SHAPE, writeModel } from "../../../scripts/bench/gguf_writer.ts";
import { benchVocabulary } from "../../../scripts/bench/vocabulary.ts";
import { wideBytesPerToken, writeWideCacheModel } from "../../../tests/models/wide_cache.ts";
import { ask, collect, type IteratingEngine, tinyEngine } from "../../../tests/support/engine.ts";
import {
  type Answer,
  answer,
  assertSameAnswers,
  randomNumbers,
  type Way,
} from "../../../tests/support/exactness.ts";
import { ShimmyError } from "../../errors.ts";
import type { LoadOptions } from "../protocol/mod.ts";

/** A size of the tests: the longest prompt, and the heads, whose number is the width of the cache. */
interface Size {
  readonly longest: number;
  readonly heads: number;
}

const SHORT: Size = { longest: 2500, heads: 8 };
/** With SHIMMY_LONG_TESTS the tests take minutes. Eight heads would take eight times as long. */
const SIZE = Deno.env.get("SHIMMY_LONG_TESTS") === "1" ? { longest: 40_000, heads: 1 } : SHORT;
const LONGEST = SIZE.longest;
const TRAINED = 2 * LONGEST;
/** Memory that a load leaves for compute buffers and saved states, and its share for the KV cache. */
const OVERHEAD = 512 * 2 ** 20;
const SHARE = 0.75;

const ALONE: Way = { together: 1, cachePrompt: false, maxTokens: 6, ignoreEos: true };
const FIRST_WORD = 300;
const WORDS = 280;

interface Model {
  /** Loads the model with memory for a number of KV cells. */
  load(cells: number, changes?: Partial<LoadOptions>): Promise<IteratingEngine>;
}

async function withModel(
  use: (model: Model) => Promise<void>,
  { longest, heads }: Size = SIZE,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "wide.gguf");
    await writeWideCacheModel(path, { context: 2 * longest, heads });
    const { size } = await Deno.stat(path);
    await use({
      load: (cells, changes = {}) =>
        tinyEngine({
          modelPaths: [path],
          kvType: "f32",
          kvUnified: "auto",
          parallel: 0,
          lookup: false,
          threads: 1,
          memoryLimit: size + OVERHEAD + cells * wideBytesPerToken(heads) / SHARE,
          ...changes,
        }),
    });
  });
}

const random = randomNumbers(5);
const words = (count: number) => Array.from({ length: count }, () => FIRST_WORD + random(WORDS));

/** Answers, each in an engine with room for the longest prompt only and without a cache. */
async function alone(model: Model, prompts: readonly number[][], way = ALONE): Promise<Answer[]> {
  await using engine = await model.load(TRAINED + 1000, { parallel: 1 });
  assertEquals(engine.info.contextLength, TRAINED);
  return await answer(engine, prompts, way);
}

Deno.test("conversations of all lengths share one buffer, and each has the text of a context of its own", async () => {
  await withModel(async (model) => {
    const start = words(LONGEST / 4);
    const prompts = [
      words(LONGEST),
      [...start, ...words(50)],
      words(20),
      [...start, ...words(LONGEST / 2)],
      words(LONGEST / 8),
      words(LONGEST / 2),
      [...start, ...words(10)],
      words(300),
    ];
    const expected = await alone(model, prompts);
    for (const together of [4, 16]) {
      const cells = Math.round(1.25 * LONGEST);
      await using engine = await model.load(cells, { parallel: 4 });
      const shape = engine.info.shape!;
      assertEquals([shape.unified, shape.sequences], [true, 4]);
      assertGreater(shape.cells, LONGEST);
      assert(shape.cells <= cells, `${shape.cells} cells`);
      assertStringIncludes(shape.reason, `One buffer of ${shape.cells} tokens for 4 sequences`);
      const way = { ...ALONE, together, cachePrompt: true };
      const answers = await answer(engine, prompts, way);
      assertSameAnswers(answers, expected, `${together} clients`);
      // None was cut off.
      assertEquals(answers.map(({ tokens }) => tokens.length), prompts.map(() => ALONE.maxTokens));
    }
  });
});

Deno.test("memory for every sequence gives each a stream of the trained length", async () => {
  // The short size: a header of a small file may not claim streams of the long one.
  const trained = 2 * SHORT.longest;
  await withModel(async (model) => {
    await using engine = await model.load(4 * trained + 1000);
    const { length, sequences, unified, cells } = engine.info.shape!;
    assertEquals([length, sequences, unified, cells], [trained, 4, false, 4 * trained]);
  }, SHORT);
});

Deno.test("a request longer than a stream gets a context of another shape, with the cached tokens", async () => {
  await withModel(async (model) => {
    const first = words(LONGEST / 8);
    const next = [...first, ...words(100)];
    const long = words(LONGEST);
    const expected = await alone(model, [first, next, long]);
    // Three streams of two thirds of the longest prompt.
    await using engine = await model.load(2 * LONGEST, { parallel: 3, kvUnified: "off" });
    const before = engine.info.shape!;
    assertEquals([before.sequences, before.unified], [3, false]);
    assert(before.length < LONGEST);
    // What one conversation may have.
    assertGreater(engine.info.contextLength, LONGEST);
    const way = { ...ALONE, cachePrompt: true };
    const [started] = await answer(engine, [first], way);
    // The long request and a shorter one that comes later.
    const running = answer(engine, [long, next], { ...way, together: 2 });
    const [long2, continued] = await running;
    assertSameAnswers([started!, continued!, long2!], expected, "in a new context");
    assertGreater(continued!.usage.cachedTokens, LONGEST / 8 - 50);
    const { context } = await engine.status();
    assertEquals([context!.replacements, context!.waiting], [1, null]);
    assert(context!.length > LONGEST && context!.sequences < 3);
    // The description of the model tells of the new context too.
    assertEquals(engine.info.shape!.length, context!.length);
    assertEquals(engine.info.parallel, context!.sequences);
    const tooLong = words(TRAINED + 1);
    const error = await assertRejects(() => answer(engine, [tooLong], way), ShimmyError);
    assertEquals(error.kind, "context_length");
  });
});

Deno.test("an answer that outgrows its stream continues in a larger context", async () => {
  await withModel(async (model) => {
    // Four longer streams do not fit: a context for one more token would soon be too short again.
    const load = (parallel: number) => model.load(6900, { parallel, kvUnified: "off" });
    const way = { ...ALONE, maxTokens: 12 };
    await using own = await load(1);
    await using engine = await load(4);
    const { length } = engine.info.shape!;
    assertEquals(length, 2048);
    const prompts = [words(length - 5), words(500)];
    const expected = await answer(own, prompts, way);
    const answers = await answer(engine, prompts, { ...way, together: 2 });
    assertSameAnswers(answers, expected, "beyond the stream");
    assertEquals(answers.map(({ tokens }) => tokens.length), [12, 12]);
    assertEquals((await engine.status()).context!.replacements, 1);
  });
});

Deno.test("a request for a slot that a new context no longer has is refused", async () => {
  await withModel(async (model) => {
    await using engine = await model.load(2 * LONGEST, { parallel: 3, kvUnified: "off" });
    const way = { maxTokens: 4, ignoreEos: true };
    const submit = (tokens: number[], slot: number) =>
      collect(engine.generate({ ...ask("", way), prompt: [{ tokens }], slot }));
    const long = submit(words(LONGEST), 0);
    const pinned = submit(words(20), 2);
    const error = await assertRejects(() => pinned, ShimmyError);
    assertEquals([error.kind, error.field], ["invalid", "id_slot"]);
    assertEquals((await long).tokens.length, 4);
  });
});

Deno.test("weights that are in memory already leave a longer request its context", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "repacked.gguf");
    const trained = 40_000;
    // Weights of this type are copied to another layout, so that the free memory counts them.
    const wide = {
      type: "q4_0",
      embedding: 1024,
      heads: 8,
      kvHeads: 8,
      feedForward: 8192,
    } as const;
    const shape = { ...DEFAULT_SHAPE, ...wide, layers: 1, context: trained };
    await writeModel(path, shape, benchVocabulary(600));
    const { size } = await Deno.stat(path);
    await using engine = await tinyEngine({
      modelPaths: [path],
      kvType: "f32",
      kvUnified: "off",
      parallel: 3,
      memoryLimit: size + OVERHEAD + 1.2 * trained * wideBytesPerToken(8) / SHARE,
    });
    assert(engine.info.shape!.length < trained / 2);
    assertEquals(engine.info.contextLength, trained);
  });
});

Deno.test("a request that no context can hold within the memory is refused at once", async () => {
  await withModel(async (model) => {
    await using engine = await model.load(2048, { parallel: 2 });
    const error = await assertRejects(() => answer(engine, [words(3200)], ALONE), ShimmyError);
    assertEquals(error.kind, "context_length");
    const { contextLength } = engine.info;
    assert(contextLength > 2048);
    const held = `The prompt has 3201 tokens, but the context holds ${contextLength}`;
    assertStringIncludes(error.message, held);
    assertEquals((await engine.status()).context!.replacements, 0);
  });
});
