import { assertEquals } from "@std/assert";
import { cacheWith, tokens } from "../../../tests/doubles/kv_cache.ts";
import type { ScopedState } from "../disk_cache/mod.ts";
import type { RestorableSequence } from "./disk_prefixes.ts";
import { HeldStates } from "./held_states.ts";
import { SharedPrefixes, type SharedReader } from "./shared_prefixes.ts";

const sequence = (first: number, length = 120): RestorableSequence => ({
  ...{ tokens: tokens(length, first), scope: "", isRestoring: false, inserted: null },
});

const stateOf = (count: number, first = 0): ScopedState => ({
  ...{ tokens: tokens(count, first), state: new Uint8Array(5_000), checkpoints: [], scope: "" },
});

/** A reader whose lookups the test answers. */
function open({ wait = 10_000, budget = 12_000, alsoKnown = 0 } = {}) {
  const { cache } = cacheWith({ savedBytes: 100_000 });
  const asked: {
    resolve(state: ScopedState | null): void;
    mostBytes: number;
    ends: AbortSignal;
  }[] = [];
  const events: string[] = [];
  const shared: SharedReader = {
    ...{ minTokens: 64, identity: "i", patience: () => wait },
    find: ({ mostBytes }, ends) => {
      const { promise, resolve } = Promise.withResolvers<ScopedState | null>();
      asked.push({ resolve, mostBytes, ends });
      return promise;
    },
    refuse: () => void events.push("refused"),
  };
  const changed: (() => void)[] = [];
  const held = new HeldStates(budget);
  const reader = new SharedPrefixes(shared, cache, {
    ...{ held, msPerToken: () => 0, alsoKnown: () => alsoKnown },
    otherwise: () => void events.push("otherwise"),
    onReady: () => {
      events.push("ready");
      for (const one of changed.splice(0)) one();
    },
  });
  const ready = () => new Promise<void>((resolve) => changed.push(resolve));
  return { reader, held, cache, shared, asked, events, ready };
}

Deno.test("a sequence waits while its prefix is read, and then finds it", async () => {
  const { reader, held, cache, asked, events, ready } = open();
  const one = sequence(0);
  reader.begin(one);
  assertEquals(one.isRestoring, true);
  asked[0]!.resolve(stateOf(100));
  await ready();
  assertEquals([one.isRestoring, events], [false, ["ready"]]);
  assertEquals(cache.cachedLength(one.tokens, ""), 100);
  held.release(one);
});

Deno.test("a sequence without a shared prefix asks the disk", async () => {
  const { reader, asked, events, ready } = open();
  const one = sequence(0);
  reader.begin(one);
  asked[0]!.resolve(null);
  await ready();
  assertEquals([one.isRestoring, events], [false, ["otherwise", "ready"]]);
});

Deno.test("a prompt that memory or the disk serves as well does not ask", () => {
  const { reader, cache, asked, events } = open();
  const stream = cache.acquire(tokens(60), true)!;
  stream.tokens.push(...tokens(60));
  cache.release(stream, false);
  reader.begin(sequence(0));
  reader.begin(sequence(7_000, 64));
  open({ alsoKnown: 100 }).reader.begin(sequence(0));
  open({ wait: 0 }).reader.begin(sequence(0));
  assertEquals([asked.length, events], [0, ["otherwise", "otherwise"]]);
});

Deno.test("a sequence does not wait longer than it may", async () => {
  const { reader, asked, events, ready } = open({ wait: 5 });
  const one = sequence(0);
  reader.begin(one);
  await ready();
  assertEquals([one.isRestoring, events], [false, ["otherwise", "ready"]]);
  assertEquals(asked[0]!.ends.aborted, true);
  asked[0]!.resolve(stateOf(100));
  await Promise.resolve();
  assertEquals(one.inserted, null);
});

Deno.test("states that are not in a stream yet are bounded", async () => {
  const { reader, held, asked, events, ready } = open();
  const [first, second, third] = [sequence(0), sequence(1_000), sequence(2_000)];
  reader.begin(first);
  // It may be as large as all of them.
  reader.begin(second);
  assertEquals([asked.length, events], [1, ["otherwise"]]);
  asked[0]!.resolve(stateOf(100));
  await ready();
  reader.begin(second);
  assertEquals(asked.map(({ mostBytes }) => mostBytes), [Number.MAX_SAFE_INTEGER, 7_000]);
  reader.begin(third);
  assertEquals(asked.length, 2);
  held.release(first);
  held.release(second);
  reader.begin(third);
  assertEquals(asked.length, 3);
  held.release(third);
});

Deno.test("the lookup of a sequence that has ended ends too", async () => {
  const { reader, held, asked, events } = open();
  const one = sequence(0);
  reader.begin(one);
  held.release(one);
  assertEquals([one.isRestoring, asked[0]!.ends.aborted], [false, true]);
  asked[0]!.resolve(stateOf(100));
  await Promise.resolve();
  await Promise.resolve();
  assertEquals([one.inserted, events], [null, []]);
});

Deno.test("a state of a context that was replaced is not used", async () => {
  const { reader, shared, asked, events, ready } = open();
  const one = sequence(0);
  reader.begin(one);
  Object.assign(shared, { identity: "j" });
  asked[0]!.resolve(stateOf(100));
  await ready();
  assertEquals([one.inserted, events], [null, ["otherwise", "ready"]]);
});

Deno.test("a state that libllama refuses is told", async () => {
  const { reader, held, asked, events, ready } = open();
  const one = sequence(0);
  reader.begin(one);
  asked[0]!.resolve(stateOf(100));
  await ready();
  one.inserted!.isRefused = true;
  reader.checkUse(one);
  assertEquals(events, ["ready", "refused"]);
  held.release(one);
});
