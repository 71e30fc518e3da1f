/** Models with each kind of memory, for tests of states that another process restores. */
import { assertEquals, assertLess } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../ffi/testing.ts";
import type { LoadOptions } from "../../src/engine/protocol/mod.ts";
import { hybridModel } from "../models/hybrid.ts";
import { mambaModel } from "../models/recurrent.ts";
import { windowedModel } from "../models/windowed.ts";
import { type IteratingEngine as Engine, TINY_F16, tinyEngine } from "./engine.ts";
import { type Answer, randomNumbers, type Way } from "./exactness.ts";

/** A kind of memory, by a model that has it. */
export interface Kind {
  readonly name: string;
  /** Null: the tiny model. */
  readonly model: (() => Uint8Array<ArrayBuffer>) | null;
  readonly options?: Partial<LoadOptions>;
  /** Whether a stored state is used as a whole only. */
  readonly isWhole?: boolean;
}

export const KINDS: readonly Kind[] = [
  { name: "full attention", model: null },
  { name: "a quantized KV cache", model: null, options: { kvType: "q8_0", flashAttention: "on" } },
  { name: "a unified buffer", model: null, options: { kvUnified: true } },
  // A state has the last window only, and no checkpoints are made.
  { name: "a sliding window with all cells", model: windowedModel, isWhole: true },
  { name: "a small sliding window", model: windowedModel, options: { swaFull: "off" } },
  { name: "recurrent layers", model: mambaModel },
  { name: "recurrent and attention layers", model: hybridModel },
];

/** Ids of ordinary words in the vocabulary of the models. */
const FIRST_WORD = 300;
const WORDS = 180;
const random = randomNumbers(7);
export const words = (count: number) =>
  Array.from({ length: count }, () => FIRST_WORD + random(WORDS));

export const WAY: Way = { together: 1, cachePrompt: true, maxTokens: 6, ignoreEos: true };

export type Load = (changes?: Partial<LoadOptions>) => Promise<Engine>;

/** Loads engines of one kind, and gives a folder for their states. */
export async function withKind(
  { model, options }: Kind,
  use: (load: Load, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = model === null ? TINY_F16 : join(folder, "model.gguf");
    if (model !== null) await Deno.writeFile(path, model());
    await use((changes = {}) =>
      tinyEngine({
        modelPaths: [path],
        kvType: "f32",
        flashAttention: "off",
        contextLength: 1024,
        ...options,
        ...changes,
      }), join(folder, "cache"));
  });
}

export function assertEqualLogprobs(actual: Answer, expected: Answer): void {
  assertEquals(actual.tokens.map(({ id }) => id), expected.tokens.map(({ id }) => id));
  for (const [index, { logprob }] of expected.tokens.entries()) {
    assertLess(Math.abs(actual.tokens[index]!.logprob - logprob), 0.001);
  }
}
