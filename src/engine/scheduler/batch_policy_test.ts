import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type BatchCandidate, BatchPolicy } from "./batch_policy.ts";

let made = 0;

/** A sequence with `remaining` tokens and the adapters of a key. */
function candidate(remaining: number, key = "") {
  return {
    id: ++made,
    remaining,
    submitted: 0,
    hasSampled: false,
    paused: false,
    request: {},
    adapters: { key },
  };
}

/**
 * The next batches as `[adapters, p or a]` (prefill or decode); a prefill batch computes 100 tokens
 * of each sequence.
 */
function play(sequences: ReturnType<typeof candidate>[], steps: number): string[] {
  const policy = new BatchPolicy();
  return Array.from({ length: steps }, () => {
    const selection = policy.next<BatchCandidate>(sequences, 0)!;
    const { isPrefill, sequences: chosen } = selection;
    for (const one of sequences) {
      if (isPrefill && chosen.includes(one)) one.remaining = Math.max(1, one.remaining - 100);
    }
    return (isPrefill ? "p" : "a") + chosen[0]!.adapters.key;
  });
}

Deno.test("decode and prefill batches alternate while there are both", () => {
  assertEquals(play([candidate(1), candidate(400), candidate(1)], 10), [..."apapapapaa"]);
  assertEquals(play([candidate(250)], 4), [..."pppa"]);
});

Deno.test("every set of adapters is decoded between two prefill batches", () => {
  const sequences = [
    candidate(1, "x"),
    candidate(1, "y"),
    candidate(500, "x"),
    candidate(300, "y"),
    candidate(1, "z"),
  ];
  const batches = play(sequences, 40);
  const prompts = batches.flatMap((batch, index) => batch.startsWith("p") ? [index] : []);
  assertEquals(prompts.length, 8);
  for (const [at, index] of prompts.entries()) {
    const between = batches.slice((prompts[at - 1] ?? -1) + 1, index);
    for (const key of ["x", "y", "z"]) {
      assert(between.includes(`a${key}`), `${batches.join(" ")}: no a${key} before ${index}`);
    }
  }
});

Deno.test("a paused sequence is not decoded, but its prompt is computed", () => {
  const paused = { ...candidate(1), paused: true };
  assertStrictEquals(new BatchPolicy().next([paused], 0), null);
  const prompt = { ...candidate(150), paused: true };
  assertEquals(new BatchPolicy().next([paused, prompt], 0), {
    sequences: [prompt],
    isPrefill: true,
    riders: [],
    decoding: 0,
  });
});

Deno.test("a selection stays as it is when sequences end or begin", () => {
  const policy = new BatchPolicy();
  const [one, other] = [candidate(1), candidate(1)];
  const running = [one, other];
  const { sequences } = policy.next(running, 0)!;
  running.splice(0, 1, candidate(1));
  assertEquals(sequences, [one, other]);
});

Deno.test("a selection counts the decoding sequences of all adapters", () => {
  const policy = new BatchPolicy();
  const running = [candidate(1, "x"), candidate(1, "x"), candidate(1, "y"), candidate(900, "z")];
  assertEquals([0, 1, 2].map(() => policy.next(running, 0)!.decoding), [3, 3, 3]);
});

Deno.test("without prompts, sequences with the same adapters continue for a while", () => {
  const policy = new BatchPolicy();
  const running = [candidate(1, "x"), candidate(1, "y"), candidate(1, "y")];
  const at = (now: number, candidates = running) => {
    const { sequences } = policy.next<BatchCandidate>(candidates, now)!;
    return sequences.map(({ adapters }) => adapters.key).join("");
  };
  const moments = [1000, 1049, 1050, 1060, 1099, 1100, 1150];
  assertEquals(moments.map((now) => at(now)), ["x", "x", "yy", "yy", "yy", "x", "yy"]);
  // Finished sequences leave the rest of their time to others.
  assertEquals([at(1160, [candidate(1, "x")]), at(1161, [candidate(1, "x")])], ["x", "x"]);
  // A new sequence is decoded at once if the time of the others is over.
  assertEquals([at(1300, [candidate(1, "x")]), at(1301), at(1302)], ["x", "yy", "yy"]);
});

Deno.test("in a shared buffer, decoding sequences with the same adapters ride in prefill batches", () => {
  const policy = new BatchPolicy(true);
  const [decoding, other, prompt] = [candidate(1, "x"), candidate(1, "y"), candidate(300, "x")];
  const sequences = [decoding, other, prompt];
  const next = () => policy.next<BatchCandidate>(sequences, 0)!;
  // Another set of adapters needs a batch of its own.
  for (let round = 0; round < 2; round++) {
    const own = next();
    assertEquals([own.sequences, own.isPrefill, own.riders], [[other], false, []]);
    const mixed = next();
    assertEquals([mixed.sequences, mixed.isPrefill, mixed.riders], [[prompt], true, [decoding]]);
  }
});

Deno.test("the last rows of prompts come before the next decode batch", () => {
  const policy = new BatchPolicy();
  const [answer, prompt, other] = [candidate(1), candidate(5), candidate(400)];
  const running = [answer, prompt, other];
  const next = () => policy.next<BatchCandidate>(running, 0)!;
  assertEquals(next().isPrefill, false);
  assertEquals(next().isPrefill, true);
  policy.continueWith([prompt]);
  const { isPrefill, sequences, decoding } = next();
  assertEquals([isPrefill, sequences, decoding], [true, [prompt], 1]);
  assertEquals(next().isPrefill, false);
  // A sequence that has ended meanwhile is not waited for.
  policy.continueWith([candidate(5)]);
  assertEquals(next().sequences, [prompt, other]);
});

/** The next batch as `[isPrefill, whether it is of a burst, number of sequences]`. */
function nextOf(
  policy: BatchPolicy,
  running: readonly BatchCandidate[],
  now = 110,
  msPerToken = 1,
): unknown[] {
  const { isPrefill, burstSize = 0, sequences } = policy.next(running, now, msPerToken)!;
  return [isPrefill, burstSize > 0, sequences.length];
}

Deno.test("prompts that came together are computed before answers with one token go on", () => {
  const answer = { ...candidate(1), sampled: 1, firstTokenAt: 100 };
  const prompts = [candidate(40), candidate(50)];
  const next = (running: readonly BatchCandidate[], now?: number, msPerToken?: number) =>
    nextOf(new BatchPolicy(), running, now, msPerToken);
  const together = [answer, ...prompts];
  assertEquals(next(together), [true, true, 2]);
  const usual = [false, false, 1];
  // An answer that goes on already.
  assertEquals(next([{ ...answer, sampled: 2 }, ...prompts]), usual);
  // Fewer prompts than answers.
  assertEquals(next([answer, { ...answer }, { ...answer }, ...prompts]), [false, false, 3]);
  // The time of a token is not known.
  assertEquals(next(together, 110, 0), usual);
  // The answer waits for three seconds at most: for both prompts, for the shorter one, for none.
  assertEquals(next(together, 3010), [true, true, 2]);
  assertEquals(next(together, 3011), [true, true, 1]);
  assertEquals(next(together, 3061), usual);
  assertEquals(next(together, 110, 33), [true, true, 2]);
  assertEquals(next(together, 110, 34), [true, true, 1]);
  // An answer that continues after its state was swapped out.
  assertEquals(next([answer, { ...prompts[0]!, sampled: 9 }, prompts[1]!]), usual);
  // Other adapters need batches of their own.
  assertEquals(next([answer, candidate(40, "x"), candidate(50, "x")]), usual);
  assertEquals(next([answer, candidate(40), candidate(50, "x")]), usual);
});

Deno.test("prompts that came together are computed to the end, and later ones do not join them", () => {
  const policy = new BatchPolicy();
  const first = { ...candidate(1), sampled: 1, firstTokenAt: 100 };
  const second = { ...candidate(1), sampled: 1, firstTokenAt: 300 };
  const third = { ...candidate(1), sampled: 1, firstTokenAt: 400 };
  const [one, two] = [candidate(50), candidate(60)];
  assertEquals(nextOf(policy, [first, one, two]), [true, true, 2]);
  // More answers than prompts.
  const late = candidate(30);
  const later = [first, second, third, two, late];
  const next = policy.next<BatchCandidate>(later, 300, 1)!;
  assertEquals([next.sequences, next.burstSize], [[two], 2]);
  assertEquals(nextOf(policy, [first, second, third, late], 400), [false, false, 3]);
  // The machine became slower: the answers have waited for long enough.
  const slow = new BatchPolicy();
  assertEquals(nextOf(slow, [first, one, two]), [true, true, 2]);
  assertEquals(nextOf(slow, [first, one, two], 3100)[1], true);
  assertEquals(nextOf(slow, [first, one, two], 3101), [false, false, 1]);
});

Deno.test("prompts that do not fit are computed after the next token of all answers", () => {
  const policy = new BatchPolicy();
  const first = { ...candidate(1), sampled: 1, firstTokenAt: 100 };
  const second = { ...candidate(1), sampled: 1, firstTokenAt: 2900 };
  const [one, two, long] = [candidate(2000), candidate(2500), candidate(9000)];
  assertEquals(nextOf(policy, [first, one, two, long]), [true, true, 1]);
  const usual = [false, false, 2];
  assertEquals(nextOf(policy, [first, second, two, long], 2900), usual);
  // One of the answers has no further token.
  const late = candidate(30);
  const both = [{ ...first, sampled: 2 }, { ...second, sampled: 2 }];
  assertEquals(nextOf(policy, [both[0]!, second, two], 3000)[1], false);
  const next = policy.next<BatchCandidate>([...both, two, late, long], 3000, 1)!;
  assertEquals([next.sequences, next.burstSize], [[two], 1]);
  // What came later and what is too long take no part.
  assertEquals(nextOf(policy, [...both, late, { ...long, remaining: 100 }], 5600)[1], false);
});
