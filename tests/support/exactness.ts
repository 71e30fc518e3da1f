/** Compares answers that must be the same, whatever was cached or computed together. */
import { assertGreater, assertLess } from "@std/assert";
import type { Engine } from "../../src/engine/engine.ts";
import type { FinishReason, Usage } from "../../src/engine/protocol/mod.ts";
import { ask, collect } from "./engine.ts";

/** What rounding may change in a log probability. */
const ROUNDING = 0.02;

/** Numbers that look random and are the same every time (the generator is mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** An answer: its tokens, how likely each was, and by how much it was likelier than the next one. */
export interface Answer {
  readonly tokens: readonly { id: number; logprob: number; lead: number }[];
  readonly usage: Usage;
  readonly finishReason: FinishReason;
}

export interface Way {
  /** Conversations at once. */
  readonly together: number;
  readonly cachePrompt: boolean;
  readonly maxTokens: number;
  readonly ignoreEos?: boolean;
}

/** The answers in the order of the prompts. */
export async function answer(
  engine: Engine,
  prompts: readonly (string | readonly number[])[],
  way: Way,
): Promise<Answer[]> {
  const { together, ...changes } = way;
  const answers: Answer[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: together }, async () => {
    while (next < prompts.length) {
      const index = next++;
      const prompt = prompts[index]!;
      const request = {
        ...ask(typeof prompt === "string" ? prompt : "", { ...changes, logprobs: 2 }),
        ...(typeof prompt === "string" ? {} : { prompt: [{ tokens: prompt }] }),
      };
      const { events, done } = await collect(engine.generate(request));
      const tokens = events.flatMap((event) => {
        if (event.type !== "token") return [];
        const { logprob, top } = event.logprob!;
        return [{ id: event.token, logprob, lead: top[0]!.logprob - top[1]!.logprob }];
      });
      answers[index] = { tokens, usage: done.usage, finishReason: done.finishReason };
    }
  }));
  return answers;
}

/**
 * Fails unless the same was computed. The last bits of a sum depend on how many tokens are computed at
 * once, so log probabilities may differ a little, and where two tokens are about as likely as each other
 * either may be chosen; from there on there is nothing left to compare.
 */
export function assertSameAnswers(
  actual: readonly Answer[],
  expected: readonly Answer[],
  name: string,
) {
  let compared = 0;
  let worst = 0;
  for (const [i, { tokens }] of actual.entries()) {
    const wanted = expected[i]!.tokens;
    for (const [j, token] of wanted.entries()) {
      const got = tokens[j];
      if (got?.id !== token.id) {
        assertLess(token.lead, ROUNDING, `${name}: answer ${i} is another one from token ${j} on`);
        break;
      }
      worst = Math.max(worst, Math.abs(got.logprob - token.logprob));
      compared++;
    }
  }
  assertLess(worst, ROUNDING, `${name}: log probabilities differ`);
  const all = expected.reduce((sum, { tokens }) => sum + tokens.length, 0);
  assertGreater(compared / all, 0.85, name);
}
