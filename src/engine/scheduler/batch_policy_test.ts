import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type BatchCandidate, BatchPolicy } from "./batch_policy.ts";

let made = 0;

/** A sequence that is to compute so many tokens with the adapters of a key. */
function taker(remaining: number, key = "") {
  return {
    id: ++made,
    remaining,
    submitted: 0,
    completionTokens: 0,
    paused: false,
    request: {},
    adapters: { key },
  };
}

/** Whose turns come next, as `[adapters, p or a]`; a batch of prompts computes 100 tokens of each. */
function play(takers: ReturnType<typeof taker>[], steps: number): string[] {
  const turns = new BatchPolicy();
  return Array.from({ length: steps }, () => {
    const turn = turns.next<BatchCandidate>(takers, 0)!;
    const { isPrefill, sequences } = turn;
    for (const one of takers) {
      if (isPrefill && sequences.includes(one)) one.remaining = Math.max(1, one.remaining - 100);
    }
    return (isPrefill ? "p" : "a") + sequences[0]!.adapters.key;
  });
}

Deno.test("answers and prompts take turns, and each has all turns where the other is not", () => {
  assertEquals(play([taker(1), taker(400), taker(1)], 10), [..."apapapapaa"]);
  assertEquals(play([taker(250)], 4), [..."pppa"]);
});

Deno.test("with several sets of adapters every answer has its turn between two batches of prompts", () => {
  const takers = [taker(1, "x"), taker(1, "y"), taker(500, "x"), taker(300, "y"), taker(1, "z")];
  const turns = play(takers, 40);
  const prompts = turns.flatMap((turn, index) => turn.startsWith("p") ? [index] : []);
  assertEquals(prompts.length, 8);
  for (const [at, index] of prompts.entries()) {
    const between = turns.slice((prompts[at - 1] ?? -1) + 1, index);
    for (const key of ["x", "y", "z"]) {
      assert(between.includes(`a${key}`), `${turns.join(" ")}: no a${key} before ${index}`);
    }
  }
});

Deno.test("a paused answer has no turn, but its prompt is computed", () => {
  const paused = { ...taker(1), paused: true };
  assertStrictEquals(new BatchPolicy().next([paused], 0), null);
  const prompt = { ...taker(150), paused: true };
  assertEquals(new BatchPolicy().next([paused, prompt], 0), {
    sequences: [prompt],
    isPrefill: true,
    decoding: 0,
  });
});

Deno.test("a turn tells how many answers wait for it, whatever their adapters", () => {
  const turns = new BatchPolicy();
  const running = [taker(1, "x"), taker(1, "x"), taker(1, "y"), taker(900, "z")];
  assertEquals([0, 1, 2].map(() => turns.next(running, 0)!.decoding), [3, 3, 3]);
});

Deno.test("where no prompt waits, answers with the same adapters go on for a while", () => {
  const turns = new BatchPolicy();
  const running = [taker(1, "x"), taker(1, "y"), taker(1, "y")];
  const at = (now: number, takers = running) => {
    const { sequences } = turns.next<BatchCandidate>(takers, now)!;
    return sequences.map(({ adapters }) => adapters.key).join("");
  };
  const moments = [1000, 1049, 1050, 1060, 1099, 1100, 1150];
  assertEquals(moments.map((now) => at(now)), ["x", "x", "yy", "yy", "yy", "x", "yy"]);
  // Those that are done leave the rest of their while to others.
  assertEquals([at(1160, [taker(1, "x")]), at(1161, [taker(1, "x")])], ["x", "x"]);
  // Who comes to answers that have had their while begins at once.
  assertEquals([at(1300, [taker(1, "x")]), at(1301), at(1302)], ["x", "yy", "yy"]);
});
