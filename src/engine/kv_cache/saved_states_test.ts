import { assert, assertEquals } from "@std/assert";
import { cacheWith, STATE_BYTES, tokens } from "../../../tests/doubles/kv_cache.ts";
import type { ScopedState } from "../disk_cache/mod.ts";
import type { PrefixCacheOptions } from "./cached_prefix.ts";
import type { PrefixCache } from "./prefix_cache.ts";

/** A cache that passes states on. */
function cacheThatSpills(options: Partial<PrefixCacheOptions> = {}) {
  const spilled: ScopedState[] = [];
  const { cache, memory } = cacheWith({ ...options, spill: (state) => spilled.push(state) });
  return { cache, memory, spilled };
}

/** Runs a sequence from its prompt to its end. */
function run(cache: PrefixCache, prompt: readonly number[]): void {
  const stream = cache.acquire(prompt, true)!;
  stream.tokens.push(...prompt.slice(stream.tokens.length));
  cache.completeCopies();
  cache.makeCheckpoint(stream);
  cache.release(stream, false);
}

function stored(count: number, from = 0, bytes = STATE_BYTES): ScopedState {
  return {
    tokens: tokens(count, from),
    state: new Uint8Array(bytes),
    scope: "",
    checkpoints: [{ position: 50, state: new Uint8Array(10) }],
  };
}

const firsts = (states: Iterable<ScopedState>) => [...states].map((one) => one.tokens[0]);
const all = (known: readonly number[]) => known.length >= 64;

Deno.test("a state that falls out of host memory is passed on, the oldest first", () => {
  const { cache, spilled } = cacheThatSpills({ streams: 1, savedBytes: 2 * STATE_BYTES });
  for (let at = 0; at < 5; at++) run(cache, tokens(100, 1000 * at));
  assertEquals(firsts(spilled), [0, 1000]);
  assertEquals(spilled[0]!.tokens, tokens(100));
});

Deno.test("a state larger than host memory is passed on, with its checkpoints", () => {
  const { cache, spilled } = cacheThatSpills({
    ...{ streams: 1, savedBytes: STATE_BYTES - 1, canTruncate: false },
  });
  const stream = cache.acquire(tokens(100), true, "", [60])!;
  stream.tokens.push(...tokens(60));
  cache.makeCheckpoint(stream);
  stream.tokens.push(...tokens(40, 60));
  cache.release(stream, false);
  run(cache, tokens(100, 1000));
  assertEquals(firsts(spilled), [0]);
  assertEquals(spilled[0]!.checkpoints.map(({ position }) => position), [60]);
});

Deno.test("the state of a shifted stream is not passed on", () => {
  const { cache, spilled } = cacheThatSpills({ streams: 1, savedBytes: 1 });
  const stream = cache.acquire(tokens(100), true)!;
  stream.tokens.push(...tokens(100));
  cache.isolate(stream);
  cache.completeCopies();
  cache.swapOut(stream);
  assertEquals(spilled, []);
});

Deno.test("at the end, states come most recently used first, without parts of others", () => {
  const { cache, memory } = cacheWith({ streams: 4 });
  run(cache, tokens(100, 1000));
  run(cache, tokens(100));
  const copy = cache.acquire([...tokens(100), 7], true)!;
  copy.tokens.push(7);
  cache.completeCopies();
  cache.release(copy, false);
  run(cache, tokens(10, 5000));
  const busy = cache.acquire(tokens(100, 3000), true)!;
  busy.tokens.push(...tokens(100, 3000));
  memory.take();
  assertEquals(firsts(cache.states(all)), [0, 1000]);
  // Only the states that are asked for are read.
  assertEquals(memory.take().length, 2);
  assertEquals(firsts(cache.states(() => false)), []);
  assertEquals(memory.take(), []);
});

Deno.test("an inserted state is used once and then takes no memory", () => {
  const { cache, memory } = cacheWith({ canTruncate: false });
  const inserted = cache.insertState(stored(100))!;
  assertEquals(cache.hostMemory, { checkpoints: 1, bytes: STATE_BYTES + 10 });
  assertEquals(cache.insertState(stored(90)), null);
  const stream = cache.acquire([...tokens(100), 7], true)!;
  assertEquals(stream.tokens.length, 100);
  cache.removeInserted(inserted);
  // The checkpoint belongs to the stream now.
  assertEquals(cache.hostMemory, { checkpoints: 1, bytes: 10 });
  assertEquals(memory.take(), ["restore 0"]);
  cache.removeInserted(inserted);
  assertEquals(cache.hostMemory.bytes, 10);
});

Deno.test("one inserted state at a time may be larger than host memory, and evicts nothing", () => {
  const { cache } = cacheWith({ savedBytes: 2 * STATE_BYTES });
  assert(cache.insertState({ ...stored(100), checkpoints: [] }));
  const large = cache.insertState(stored(100, 1000, 1_000_000))!;
  assertEquals(cache.insertState(stored(100, 2000, 1_000_000)), null);
  assertEquals(cache.hostMemory.bytes, STATE_BYTES + 10);
  assertEquals(cache.cachedLength(tokens(101, 1000), ""), 100);
  assertEquals(cache.cachedLength(tokens(101), ""), 100);
  cache.removeInserted(large);
  assertEquals(cache.cachedLength(tokens(101, 1000), ""), 0);
  assert(cache.insertState(stored(100, 2000, 1_000_000)));
  assertEquals(firsts(cache.states(all)), [2000, 0]);
});
