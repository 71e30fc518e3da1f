/** Prefix reuse with each kind of memory: never another text, and as much reused as the kind allows. */
import { assertEquals, assertGreater } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { gptOssModel, mixtureModel } from "../../../tests/models/experts.ts";
import { hybridModel } from "../../../tests/models/hybrid.ts";
import { hybridSsmModel } from "../../../tests/models/hybrid_ssm.ts";
import { mambaModel } from "../../../tests/models/recurrent.ts";
import { WINDOW, windowedModel } from "../../../tests/models/windowed.ts";
import { tinyEngine } from "../../../tests/support/engine.ts";
import {
  type Answer,
  answer,
  assertSameAnswers,
  randomNumbers,
  type Way,
} from "../../../tests/support/exactness.ts";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";
import type { LoadOptions, MemoryKind } from "../protocol/mod.ts";

/** A kind of memory, by a model that has it. */
interface Kind {
  readonly name: string;
  readonly model: () => Uint8Array<ArrayBuffer>;
  readonly options?: Partial<LoadOptions>;
  /** Share of the prompts' tokens that conversations find cached, at least. */
  readonly cached: number;
  /** The kind as the status tells it. */
  readonly memory: MemoryKind;
  /** Whether sequences take cells that can run out. */
  readonly hasCells: boolean;
}

const whole = { cached: 0.3, hasCells: true };
const checkpoints = { cached: 0.3, hasCells: true };
const small = { ...checkpoints, options: { swaFull: "off" } } as const;

const KINDS: readonly Kind[] = [
  { name: "full attention with experts", model: mixtureModel, memory: "attention", ...whole },
  {
    name: "a sliding window with all cells",
    model: windowedModel,
    memory: "window_all_cells",
    ...whole,
  },
  { name: "a small sliding window", model: windowedModel, memory: "window", ...small },
  {
    name: "a window with sinks and experts, all cells",
    model: gptOssModel,
    memory: "window_all_cells",
    ...whole,
  },
  { name: "a small window with sinks and experts", model: gptOssModel, memory: "window", ...small },
  {
    name: "recurrent layers",
    model: mambaModel,
    memory: "recurrent",
    ...checkpoints,
    hasCells: false,
  },
  { name: "convolutions and attention", model: hybridModel, memory: "hybrid", ...checkpoints },
  {
    name: "state-space layers and attention",
    model: hybridSsmModel,
    memory: "hybrid",
    ...checkpoints,
  },
];

/** Largest difference of log probabilities, with weights and cache of 32 bits. */
const ROUNDING = 0.001;

/** Seeds of conversations, and their number; more with `SHIMMY_LONG_TESTS`. */
const LONG = Deno.env.get("SHIMMY_LONG_TESTS") === "1";
const SEEDS = LONG ? [11, 12, 13] : [11];
const CONVERSATIONS = LONG ? 400 : 100;

/** Ids of ordinary words in the vocabulary of the random models. */
const FIRST_WORD = 300;
const WORDS = 280;

async function withModel(kind: Kind, use: (load: Load) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "model.gguf");
    await Deno.writeFile(path, kind.model());
    await use((changes = {}) =>
      tinyEngine({
        modelPaths: [path],
        kvType: "f32",
        flashAttention: "off",
        contextLength: 512,
        ...kind.options,
        ...changes,
      })
    );
  });
}

type Load = (changes?: Partial<LoadOptions>) => Promise<Engine>;

/** Token ids that look like words. */
function words(count: number, random: (below: number) => number): number[] {
  return Array.from({ length: count }, () => FIRST_WORD + random(WORDS));
}

/** Prompts that go on from one another, branch off in the middle, come again, and begin anew. */
async function conversations(
  load: Load,
  seed: number,
  plain: Way,
): Promise<{ prompts: number[][]; alone: Answer[] }> {
  await using engine = await load({ parallel: 1 });
  const random = randomNumbers(seed);
  const prompts: number[][] = [];
  const alone: Answer[] = [];
  while (prompts.length < CONVERSATIONS) {
    const index = random(prompts.length || 1);
    const earlier = prompts[index];
    const said = alone[index]?.tokens.map(({ id }) => id) ?? [];
    const choice = random(8);
    let prompt: number[];
    if (earlier === undefined || choice === 0 || earlier.length > 380) {
      prompt = words(20 + random(3 * WINDOW), random);
    } else if (choice === 1) prompt = [...earlier];
    else if (choice < 5) prompt = [...earlier, ...said, ...words(5 + random(30), random)];
    else prompt = [...earlier.slice(0, 1 + random(earlier.length)), ...words(10, random)];
    const answers = await answer(engine, [prompt], plain);
    // Several choices of one request are equal prompts at the same time.
    const choices = random(6) === 0 ? 3 : 1;
    for (let choice = 0; choice < choices; choice++) {
      prompts.push(prompt);
      alone.push(...answers);
    }
  }
  return { prompts, alone };
}

/** How the conversations are computed with the cache. */
interface Variant {
  readonly together: number;
  readonly options: Partial<LoadOptions>;
  readonly sessions?: number;
}

const VARIANTS: readonly Variant[] = [
  { together: 1, options: { parallel: 2 } },
  { together: 4, options: { parallel: 3 } },
  { together: 6, options: { parallel: 4, batchSize: 48 } },
  { together: 5, options: { parallel: 4, kvUnified: true, contextLength: 1024 } },
  { together: 2, options: { parallel: 2 }, sessions: 7 },
];

async function checkConversations(kind: Kind, load: Load, seed: number): Promise<void> {
  const plain: Way = { together: 1, cachePrompt: false, maxTokens: 6, ignoreEos: true };
  const { prompts, alone } = await conversations(load, seed, plain);
  for (const { together, options, sessions } of VARIANTS) {
    const name = JSON.stringify({ kind: kind.name, seed, together, sessions, ...options });
    await withFolder(async (sessionFolder) => {
      await using engine = await load({
        ...options,
        ...(sessions === undefined ? {} : { sessionFolder }),
      });
      const way = { ...plain, together, cachePrompt: true };
      const answers = await answer(
        engine,
        prompts,
        sessions === undefined ? way : { ...way, sessions },
      );
      assertSameAnswers(answers, alone, name, ROUNDING);
      const total = answers.reduce((sum, { usage }) => sum + usage.promptTokens, 0);
      const cached = answers.reduce((sum, { usage }) => sum + usage.cachedTokens, 0);
      assertGreater(cached / total, kind.cached, name);
    });
  }
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: answers are the same with the cache and without`, async () => {
    await withModel(kind, async (load) => {
      for (const seed of SEEDS) await checkConversations(kind, load, seed);
    });
  });

  Deno.test(`${kind.name}: preempted sequences go on with the same answer`, async () => {
    await withModel(kind, async (load) => {
      const random = randomNumbers(21);
      const prompts = Array.from({ length: 6 }, () => words(40 + random(40), random));
      const plain: Way = { together: 1, cachePrompt: false, maxTokens: 120, ignoreEos: true };
      let alone: Answer[];
      {
        await using engine = await load({ parallel: 1 });
        alone = await answer(engine, prompts, plain);
      }
      // Four sequences of about 180 tokens need more than 300 cells.
      const options = { parallel: 4, kvUnified: true, contextLength: 300 };
      await using engine = await load(options);
      const way = { ...plain, together: prompts.length, cachePrompt: true };
      assertSameAnswers(await answer(engine, prompts, way), alone, kind.name, ROUNDING);
      const { preemptions } = await engine.status();
      assertEquals(preemptions > 0, kind.hasCells, `${preemptions} preemptions`);
    });
  });

  Deno.test(`${kind.name}: the same prompt again computes its end alone`, async () => {
    await withModel(kind, async (load) => {
      await using engine = await load();
      const prompt = words(200, randomNumbers(3));
      const way: Way = { together: 1, cachePrompt: true, maxTokens: 8, ignoreEos: true };
      const [first, second, third] = await answer(engine, [prompt, prompt, prompt], way);
      assertEquals(first!.usage.cachedTokens, 0);
      for (const { usage } of [second!, third!]) {
        assertGreater(usage.cachedTokens + 1, usage.promptTokens - 1);
      }
      const { memoryKind, checkpoints, savedBytes } = await engine.status();
      assertEquals(memoryKind, kind.memory);
      const needsCheckpoints = ["window", "recurrent", "hybrid"].includes(kind.memory);
      assertEquals([checkpoints > 0, savedBytes > 0], [needsCheckpoints, needsCheckpoints]);
    });
  });

  Deno.test(`${kind.name}: requests that arrive together compute their prefix once`, async () => {
    await withModel(kind, async (load) => {
      // Small batches: all requests are there before the first one has computed the prefix.
      await using engine = await load({ parallel: 4, batchSize: 32 });
      const random = randomNumbers(5);
      const shared = words(400, random);
      const prompts = [1, 2, 3, 4].map(() => [...shared, ...words(20, random)]);
      const way: Way = { together: 4, cachePrompt: true, maxTokens: 6, ignoreEos: true };
      const answers = await answer(engine, prompts, way);
      const computed = answers.map(({ usage }) => usage.promptTokens - usage.cachedTokens);
      assertEquals(computed.filter((tokens) => tokens >= 400).length, 1, computed.join());
      const alone = await answer(engine, prompts, { ...way, together: 1, cachePrompt: false });
      assertSameAnswers(answers, alone, kind.name, ROUNDING);
    });
  });
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: a branch of a state in host memory has the same text`, async () => {
    await withModel(kind, async (load) => {
      await using engine = await load({ parallel: 1 });
      const random = randomNumbers(7);
      const way: Way = { together: 1, cachePrompt: true, maxTokens: 12, ignoreEos: true };
      const [long, other, end] = [words(300, random), words(200, random), words(10, random)];
      // The second prompt moves the state of the first to host memory.
      await answer(engine, [long, other], way);
      const branch = [[...long.slice(0, 200), ...end]];
      const branched = await answer(engine, branch, way);

      const alone = await answer(engine, branch, { ...way, cachePrompt: false });
      assertSameAnswers(branched, alone, kind.name);
    });
  });
}
