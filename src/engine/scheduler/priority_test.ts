import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import {
  byPriority,
  preemptionCandidate,
  PrefillBudget,
  type PrioritizedSequence,
} from "./priority.ts";

let made = 0;

/** A sequence with a prompt of 100 tokens that came at the beginning. */
function contender(changes: Partial<PrioritizedSequence> & { priority?: number } = {}) {
  const { priority = 0, ...rest } = changes;
  const request = { priority };
  return { id: ++made, remaining: 100, submitted: 0, completionTokens: 0, request, ...rest };
}

/** In which order these get their turn, by their place in the list. */
function order(waiting: readonly PrioritizedSequence[], now = 0): number[] {
  return byPriority(waiting, now).map((one) => waiting.indexOf(one));
}

Deno.test("of those that came together the shortest prompt goes first, however long the others are", () => {
  const lengths = [100_000, 3000, 20, 60_000, 21].map((remaining) => contender({ remaining }));
  assertEquals(order(lengths), [2, 4, 1, 3, 0]);
  assertEquals(order([contender(), contender(), contender()]), [0, 1, 2]);
});

Deno.test("a higher priority goes before every shorter prompt that came with it", () => {
  const long = contender({ remaining: 1_000_000, priority: 1 });
  assertEquals(order([contender({ remaining: 1 }), long, contender({ priority: -1 })]), [1, 0, 2]);
});

Deno.test("an interrupted answer goes on before anybody else begins", () => {
  const interrupted = contender({ remaining: 900, completionTokens: 5, priority: -10 });
  const older = contender({ completionTokens: 1, id: -1, submitted: 50 });
  assertEquals(order([contender({ priority: 10 }), interrupted, older], 60), [2, 1, 0]);
});

/**
 * A machine of one stream and `speed` prompt tokens a millisecond: how many others overtake `victim`
 * while those that `arrivals` makes come for ever.
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

Deno.test("short prompts that come for ever do not starve a long one", () => {
  for (const remaining of [3000, 30_000, 1_000_000]) {
    // Every 100 ms one that takes 100 ms: there always is a shorter one.
    const count = overtakings(
      contender({ remaining }),
      (submitted) => contender({ submitted, remaining: 50 }),
      100,
      0.5,
    );
    // As many as come within 16 s.
    assertLess(count, 165);
    assert(count > 10, `${count}: they have to go first for a while`);
  }
});

Deno.test("high priorities that come for ever do not starve a low one", () => {
  for (const [priority, most] of [[1, 330], [2, 490]] as const) {
    const count = overtakings(
      contender({ remaining: 3000 }),
      (submitted) => contender({ submitted, priority, remaining: 50 }),
      100,
      0.5,
    );
    assertLess(count, most);
    assert(count > 160 * priority, `${count}: a higher priority counts`);
  }
});

Deno.test("who does not read gives up its room first, then the lowest priority, then the youngest", () => {
  const running = (paused: boolean, priority: number, id: number) => ({
    ...contender({ priority, id }),
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

Deno.test("a batch of prompts is as large as it can be while nobody waits for it", () => {
  const share = new PrefillBudget();
  assertEquals(share.size(0, 1, 512), 512);
  share.record(512, 60_000);
  assertEquals(share.size(0, 1, 512), 512);
});

Deno.test("while answers wait, a batch of prompts is as large as 300 ms allow", () => {
  const share = new PrefillBudget();
  // Nothing is known of the machine yet: it may be slow.
  assertEquals([share.size(7, 1, 512), share.size(7, 1, 16)], [64, 16]);
  share.record(16, 1000);
  assertEquals(share.size(7, 1, 512), 64);
  share.record(64, 192);
  assertEquals(share.size(7, 1, 512), 100);
  // It gets slower as prompts get longer; a step does not become smaller than is of use.
  for (let i = 0; i < 50; i++) share.record(100, 2000);
  assertEquals(share.size(7, 1, 512), 32);
  for (let i = 0; i < 50; i++) share.record(100, 1);
  assertEquals(share.size(7, 1, 512), 512);
});

Deno.test("where more prompts than answers wait, a batch of prompts takes longer, but not without end", () => {
  const share = new PrefillBudget();
  share.record(100, 300);
  assertEquals([1, 4, 8, 12].map((prompts) => share.size(4, prompts, 512)), [100, 100, 200, 300]);
  assertEquals([share.size(1, 31, 512), share.size(1, 31, 256)], [400, 256]);
});
