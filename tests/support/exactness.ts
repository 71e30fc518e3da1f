/** Compares answers that must be equal regardless of caching and batching. */
import { assertGreater, assertLess } from "@std/assert";
import type { FinishReason, Usage } from "../../src/engine/protocol/mod.ts";
import { ask, collect, type IteratingEngine } from "./engine.ts";

/** Tolerance for rounding in log probabilities, with weights or kernels that round. */
const ROUNDING = 0.02;

/** Reproducible pseudo-random numbers (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * An answer: its tokens, their log probabilities, and the margin of each over the next likeliest
 * token.
 */
export interface Answer {
  readonly tokens: readonly { id: number; logprob: number; lead: number }[];
  readonly usage: Usage;
  readonly finishReason: FinishReason;
}

export interface Way {
  /** Concurrent conversations. */
  readonly together: number;
  readonly cachePrompt: boolean;
  readonly maxTokens: number;
  readonly ignoreEos?: boolean;
  /** Number of sessions that the prompts take turns in; none without it. */
  readonly sessions?: number;
}

/** The answers in the order of the prompts. */
export async function answer(
  engine: IteratingEngine,
  prompts: readonly (string | readonly number[])[],
  way: Way,
): Promise<Answer[]> {
  const { together, sessions, ...changes } = way;
  const answers: Answer[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: together }, async () => {
    while (next < prompts.length) {
      const index = next++;
      const prompt = prompts[index]!;
      const request = {
        ...ask(typeof prompt === "string" ? prompt : "", { ...changes, logprobs: 2 }),
        ...(typeof prompt === "string" ? {} : { prompt: [{ tokens: prompt }] }),
        ...(sessions === undefined ? {} : { session: `session-${index % sessions}` }),
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
 * Asserts equal answers. Rounding depends on how many tokens are computed at once, so log
 * probabilities may differ slightly, and of two about equally likely tokens either may be chosen;
 * after such a token the rest is not compared.
 */
export function assertSameAnswers(
  actual: readonly Answer[],
  expected: readonly Answer[],
  name: string,
  rounding = ROUNDING,
) {
  let compared = 0;
  let worst = 0;
  for (const [i, { tokens }] of actual.entries()) {
    const wanted = expected[i]!.tokens;
    for (const [j, token] of wanted.entries()) {
      const got = tokens[j];
      if (got?.id !== token.id) {
        assertLess(token.lead, rounding, `${name}: answer ${i} is another one from token ${j} on`);
        break;
      }
      worst = Math.max(worst, Math.abs(got.logprob - token.logprob));
      compared++;
    }
  }
  assertLess(worst, rounding, `${name}: log probabilities differ`);
  const all = expected.reduce((sum, { tokens }) => sum + tokens.length, 0);
  assertGreater(compared / all, 0.85, name);
}
