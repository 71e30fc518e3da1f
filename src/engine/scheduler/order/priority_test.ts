import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertStrictEquals,
} from "@std/assert";
import {
  byPriority,
  preemptionCandidate,
  PrefillBudget,
  type PrioritizedSequence,
} from "./priority.ts";

let made = 0;

/** A sequence with a prompt of 100 tokens that arrived at time 0. */
function sequence(changes: Partial<PrioritizedSequence> & { priority?: number } = {}) {
  const { priority = 0, ...rest } = changes;
  const request = { priority };
  return { id: ++made, remaining: 100, submitted: 0, hasSampled: false, request, ...rest };
}

/** Order of the sequences, by their index in the list. */
function order(waiting: readonly PrioritizedSequence[], now = 0): number[] {
  return byPriority(waiting, now).map((one) => waiting.indexOf(one));
}

Deno.test("of prompts that arrive together the shortest is first", () => {
  const lengths = [100_000, 3000, 20, 60_000, 21].map((remaining) => sequence({ remaining }));
  assertEquals(order(lengths), [2, 4, 1, 3, 0]);
  assertEquals(order([sequence(), sequence(), sequence()]), [0, 1, 2]);
});

Deno.test("a higher priority precedes shorter prompts of the same age", () => {
  const long = sequence({ remaining: 1_000_000, priority: 1 });
  assertEquals(order([sequence({ remaining: 1 }), long, sequence({ priority: -1 })]), [1, 0, 2]);
});

Deno.test("a preempted sequence continues before new ones start", () => {
  const interrupted = sequence({ remaining: 900, hasSampled: true, priority: -10 });
  const older = sequence({ hasSampled: true, id: -1, submitted: 50 });
  assertEquals(order([sequence({ priority: 10 }), interrupted, older], 60), [2, 1, 0]);
});

/**
 * Simulates one stream with `speed` prompt tokens per millisecond: how many arriving sequences
 * overtake `victim`.
 */
function overtakings(
  victim: PrioritizedSequence,
  arrivals: (now: number) => PrioritizedSequence,
  everyMs: number,
  speed: number,
): number {
  const waiting = [victim];
  let now = 0;
  let arrived = 0;
  for (let overtaken = 0; overtaken < 10_000; overtaken++) {
    for (; arrived * everyMs <= now; arrived++) waiting.push(arrivals(arrived * everyMs));
    const next = byPriority(waiting, now)[0]!;
    if (next === victim) return overtaken;
    waiting.splice(waiting.indexOf(next), 1);
    now += next.remaining / speed;
  }
  return Infinity;
}

Deno.test("an endless stream of short prompts does not starve a long one", () => {
  for (const remaining of [3000, 30_000, 1_000_000]) {
    // Every 100 ms a sequence of 100 ms arrives: there is always a shorter one.
    const count = overtakings(
      sequence({ remaining }),
      (submitted) => sequence({ submitted, remaining: 50 }),
      100,
      0.5,
    );
    // The number that arrives within 16 s.
    assertLess(count, 165);
    assert(count > 10, `${count}: they have to go first for a while`);
  }
});

Deno.test("an endless stream of high priorities does not starve a low one", () => {
  for (const [priority, most] of [[1, 330], [2, 490]] as const) {
    const count = overtakings(
      sequence({ remaining: 3000 }),
      (submitted) => sequence({ submitted, priority, remaining: 50 }),
      100,
      0.5,
    );
    assertLess(count, most);
    assert(count > 160 * priority, `${count}: a higher priority counts`);
  }
});

Deno.test("paused sequences are preempted first, then the lowest priority, then the youngest", () => {
  const running = (paused: boolean, priority: number, id: number) => ({
    ...sequence({ priority, id }),
    paused,
  });
  const [old, young] = [running(false, 0, 3), running(false, 0, 9)];
  assertStrictEquals(preemptionCandidate([young, old]), young);
  const low = running(false, -1, 1);
  assertStrictEquals(preemptionCandidate([young, low, old]), low);
  const paused = running(true, 5, 0);
  assertStrictEquals(preemptionCandidate([young, low, paused, old]), paused);
  assertStrictEquals(preemptionCandidate([]), undefined);
});

Deno.test("the prefill budget is the batch capacity while nothing decodes", () => {
  const budget = new PrefillBudget();
  assertEquals(budget.size(0, 1, 512), 512);
  budget.record(512, 60_000);
  assertEquals(budget.size(0, 1, 512), 512);
});

Deno.test("while sequences decode, a prefill takes at most 100 ms", () => {
  const budget = new PrefillBudget();
  // No batch was timed yet; the machine may be slow.
  assertEquals([budget.size(7, 1, 512), budget.size(7, 1, 16)], [64, 16]);
  budget.record(16, 1000);
  assertEquals(budget.size(7, 1, 512), 64);
  budget.record(64, 64);
  assertEquals(budget.size(7, 1, 512), 100);
  // Longer prompts are slower; the budget does not go below its minimum.
  for (let i = 0; i < 50; i++) budget.record(100, 2000);
  assertEquals(budget.size(7, 1, 512), 32);
  for (let i = 0; i < 50; i++) budget.record(100, 1);
  assertEquals(budget.size(7, 1, 512), 512);
});

Deno.test("the prefill budget grows with the ratio of prompts to decoding sequences, up to a limit", () => {
  const budget = new PrefillBudget();
  budget.record(100, 100);
  assertEquals([1, 4, 8, 12].map((prompts) => budget.size(4, prompts, 512)), [100, 100, 200, 300]);
  assertEquals([budget.size(1, 31, 512), budget.size(1, 31, 256)], [400, 256]);
});

Deno.test("where a decode batch takes long, a prefill takes at most three times as long", () => {
  const budget = new PrefillBudget();
  budget.record(100, 100);
  budget.recordDecode(30);
  assertEquals(budget.size(4, 1, 512), 100);
  for (let i = 0; i < 50; i++) budget.recordDecode(70);
  assertAlmostEquals(budget.size(4, 1, 512), 210, 2);
});

Deno.test("the time of decoding sequences in a prefill batch is told from that of the prompt", () => {
  const budget = new PrefillBudget();
  budget.record(100, 100);
  for (let i = 0; i < 50; i++) budget.record(100, 250, true);
  assertAlmostEquals(budget.msPerToken, 1, 0.01);
  assertAlmostEquals(budget.size(4, 1, 512), 450, 10);
});
