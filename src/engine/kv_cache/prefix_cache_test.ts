import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  cacheWith,
  CHECKPOINT_BYTES,
  STATE_BYTES,
  tokens,
} from "../../../tests/doubles/kv_cache.ts";
import type { KvStream } from "./cached_prefix.ts";
import type { PrefixCache } from "./prefix_cache.ts";

/** Runs a sequence from its prompt to its end. */
function run(cache: PrefixCache, prompt: readonly number[], useCache = true) {
  const stream = cache.acquire(prompt, useCache)!;
  const known = stream.tokens.length;
  stream.tokens.push(...prompt.slice(known));
  cache.completeCopies();
  cache.release(stream, false);
  return { stream, known };
}

Deno.test("an empty cache gives empty streams, and null when all are in use", () => {
  const { cache, memory } = cacheWith();
  const one = cache.acquire(tokens(5), true)!;
  const two = cache.acquire(tokens(5, 100), true)!;
  assert(one.id !== two.id && one.tokens.length === 0 && two.tokens.length === 0);
  assertEquals(cache.hasFreeStream, false);
  assertStrictEquals(cache.acquire(tokens(5), true), null);
  assertEquals(memory.take(), []);
});

Deno.test("a prompt that continues a finished sequence reuses its stream in place", () => {
  const { cache, memory } = cacheWith();
  const first = run(cache, tokens(50));
  const next = cache.acquire([...tokens(50), 900, 901], true)!;
  assertStrictEquals(next, first.stream);
  assertEquals(next.tokens.length, 50);
  assertEquals(memory.take(), []);
});

Deno.test("a repeated prompt leaves one token to compute", () => {
  const { cache, memory } = cacheWith();
  const { stream } = run(cache, tokens(50));
  assertEquals(cache.acquire(tokens(50), true)!.tokens.length, 49);
  assertEquals(memory.take(), [`remove ${stream.id} 49 -1`]);
});

Deno.test("a branch that uses little of a stream copies it, and one that uses most reuses it", () => {
  const { cache, memory } = cacheWith();
  const { stream } = run(cache, tokens(100));
  const branch = cache.acquire([...tokens(40), ...tokens(30, 500)], true)!;
  assert(branch.id !== stream.id);
  assertEquals(branch.tokens, tokens(40));
  assertEquals(stream.tokens.length, 100);
  assertEquals(memory.take(), [`copy ${stream.id} ${branch.id}`, `remove ${branch.id} 40 -1`]);
});

Deno.test("the only stream is saved before most of its tokens are removed", () => {
  const { cache, memory } = cacheWith({ streams: 1 });
  const { stream } = run(cache, tokens(200));
  run(cache, [...tokens(40), ...tokens(30, 500)]);
  assertEquals(memory.take(), [`save ${stream.id}`, `remove ${stream.id} 40 -1`]);
  assertEquals(run(cache, [...tokens(200), 7]).known, 200);
  const back = [`save ${stream.id}`, `remove ${stream.id} -1 -1`, `restore ${stream.id}`];
  assertEquals(memory.take(), back);
});

Deno.test("a short prefix is recomputed instead of copied", () => {
  const { cache, memory } = cacheWith();
  run(cache, tokens(100));
  const other = cache.acquire([...tokens(10), ...tokens(30, 500)], true)!;
  assertEquals(other.tokens.length, 0);
  assertEquals(memory.take(), []);
});

Deno.test("a prefix is copied from a running sequence", () => {
  const { cache, memory } = cacheWith();
  const running = cache.acquire(tokens(200), true)!;
  running.tokens.push(...tokens(120));
  const other = cache.acquire([...tokens(200), 7], true)!;
  assertEquals(other.tokens, tokens(120));
  assertEquals(memory.take(), [`copy ${running.id} ${other.id}`]);
});

Deno.test("a prompt waits only while another sequence computes a long prefix of it", () => {
  const { cache } = cacheWith();
  const running = cache.acquire(tokens(200), true)!;
  assertEquals(cache.isBeingComputed([...tokens(200), 7]), true);
  assertEquals(cache.isBeingComputed([...tokens(20), ...tokens(50, 500)]), false);
  assertEquals(cache.isBeingComputed(tokens(50, 500)), false);
  running.tokens.push(...tokens(200));
  assertEquals(cache.isBeingComputed([...tokens(200), 7]), false);
  cache.release(running, false);
  assertEquals(cache.isBeingComputed([...tokens(200), 7]), false);
});

Deno.test("the least recently used stream is saved to host memory and restored later", () => {
  const { cache, memory } = cacheWith();
  const a = run(cache, tokens(100));
  const b = run(cache, tokens(100, 1000));
  const c = run(cache, tokens(100, 2000));
  assertStrictEquals(c.stream, a.stream);
  assertEquals(memory.take(), [`save ${a.stream.id}`, `remove ${a.stream.id} -1 -1`]);
  const again = run(cache, [...tokens(100), 7]);
  assertEquals(again.known, 100);
  assertStrictEquals(again.stream, b.stream);
  assertEquals(memory.take(), [
    `save ${b.stream.id}`,
    `remove ${b.stream.id} -1 -1`,
    `restore ${b.stream.id}`,
  ]);
});

Deno.test("host memory stays within its limit, and the least recently used state is evicted", () => {
  const { cache } = cacheWith({ streams: 1, savedBytes: 250 });
  for (let i = 0; i < 4; i++) run(cache, tokens(100, i * 1000));
  // States 0, 1 and 2 have 100 bytes each; the limit allows two.
  assertEquals(run(cache, [...tokens(100), 7]).known, 0);
  assertEquals(run(cache, [...tokens(100, 2000), 7]).known, 100);
  const fits = cacheWith({ streams: 1, savedBytes: 99 });
  run(fits.cache, tokens(100));
  run(fits.cache, tokens(100, 1000));
  assertEquals(run(fits.cache, [...tokens(100), 7]).known, 0);
});

Deno.test("short sequences and sequences held elsewhere are not saved", () => {
  const { cache, memory } = cacheWith({ streams: 1 });
  run(cache, tokens(20));
  run(cache, tokens(20, 1000));
  assertEquals(memory.take().filter((call) => call.startsWith("save")), []);
  const two = cacheWith();
  const older = two.cache.acquire(tokens(200), true)!;
  older.tokens.push(...tokens(200));
  const newer = two.cache.acquire([...tokens(200), 7], true)!;
  newer.tokens.push(7);
  two.cache.completeCopies();
  two.cache.release(older, false);
  two.cache.release(newer, false);
  two.memory.take();
  assertStrictEquals(run(two.cache, tokens(50, 1000)).stream, older);
  assertEquals(two.memory.take(), [`remove ${older.id} -1 -1`]);
});

Deno.test("a state that cannot be restored is discarded, and the prompt is computed", () => {
  const { cache, memory } = cacheWith({ streams: 1 });
  run(cache, tokens(100));
  run(cache, tokens(100, 1000));
  memory.canRestore = false;
  assertEquals(run(cache, [...tokens(100), 7]).known, 0);
  memory.canRestore = true;
  run(cache, tokens(100, 2000));
  memory.take();
  // The prompt itself was computed and saved since then.
  assertEquals(run(cache, [...tokens(100), 7, 8]).known, 101);
});

Deno.test("a stream is not saved or restored between its copy and the next decode", () => {
  const { cache, memory } = cacheWith({ streams: 2 });
  run(cache, tokens(100, 1000));
  run(cache, tokens(100, 2000));
  const c = run(cache, tokens(200));
  memory.take();
  const branch = cache.acquire([...tokens(60), ...tokens(9, 500)], true)!;
  assertEquals(branch.tokens.length, 60);
  // The source is the only free stream now; its data is still to be read, so nothing is put into it.
  const saved = cache.acquire([...tokens(100, 1000), 7], true)!;
  assertStrictEquals(saved, c.stream);
  assertEquals(saved.tokens.length, 0);
  assertEquals(memory.take().filter((call) => /^(save|restore)/.test(call)).length, 1);
});

Deno.test("a recurrent state is reused whole or not at all", () => {
  const { cache, memory } = cacheWith({ canTruncate: false });
  const { stream } = run(cache, tokens(100));
  assertEquals(run(cache, [...tokens(90), 7]).known, 0);
  assertEquals(cache.isBeingComputed([...tokens(100), 7]), false);
  const next = cache.acquire([...tokens(100), 7], true)!;
  assertStrictEquals(next, stream);
  assertEquals(next.tokens.length, 100);
  assertEquals(memory.take().filter((call) => call.startsWith("copy")), []);
});

Deno.test("a stream that refuses truncation is cleared", () => {
  const { cache, memory } = cacheWith();
  const { stream } = run(cache, tokens(100));
  memory.canRemove = false;
  const next = cache.acquire([...tokens(80), 7], true)!;
  assertEquals(next.tokens.length, 0);
  assertEquals(memory.take(), [`remove ${stream.id} 80 -1`, `remove ${stream.id} -1 -1`]);
});

Deno.test("a failed sequence is not cached, and a request may bypass the cache", () => {
  const { cache } = cacheWith();
  const stream = cache.acquire(tokens(50), true)!;
  stream.tokens.push(...tokens(50));
  cache.release(stream, true);
  assertEquals(run(cache, [...tokens(50), 7]).known, 0);
  assertEquals(run(cache, [...tokens(50), 7, 8], false).known, 0);
});

Deno.test("evict clears idle streams in the order of their last use", () => {
  const { cache } = cacheWith({ streams: 3 });
  run(cache, tokens(40));
  run(cache, tokens(30, 1000));
  const busy = cache.acquire(tokens(20, 2000), true)!;
  busy.tokens.push(...tokens(20, 2000));
  assertEquals(cache.cellsUsed, 90);
  assertEquals([cache.evict(), cache.cellsUsed], [true, 50]);
  assertEquals([cache.evict(), cache.cellsUsed], [true, 20]);
  assertEquals([cache.evict(), cache.cellsUsed], [false, 20]);
  assertEquals(cache.evictions, 2);
});

Deno.test("a saved state is restored when enough cells are free, and kept until then", () => {
  const { cache, memory } = cacheWith({ streams: 3, sharedCells: 300 });
  const hold = (prompt: readonly number[]) => {
    const stream = cache.acquire(prompt, true)!;
    stream.tokens.push(...prompt.slice(stream.tokens.length));
    return stream;
  };
  const parked = hold(tokens(100));
  const one = hold(tokens(150, 1000));
  cache.swapOut(parked);
  const two = hold(tokens(100, 2000));
  memory.take();
  // 250 of 300 cells belong to running sequences.
  assertStrictEquals(cache.acquire([...tokens(100), 7], true), null);
  cache.release(one, false);
  memory.take();
  const back = cache.acquire([...tokens(100), 7], true)!;
  assertEquals(back.tokens.length, 100);
  // Idle streams are evicted before the state is restored.
  assertEquals(memory.take(), [`remove ${one.id} -1 -1`, `restore ${back.id}`]);
  assertEquals(two.tokens.length, 100);
});

Deno.test("a state larger than the buffer is recomputed", () => {
  const { cache, memory } = cacheWith({ streams: 2, sharedCells: 300 });
  cache.insertState({
    ...{ tokens: tokens(400), state: new Uint8Array(STATE_BYTES), scope: "", checkpoints: [] },
  });
  memory.canRestore = false;
  assertEquals(cache.acquire([...tokens(400), 7], true)!.tokens.length, 0);
});

Deno.test("with context shift, a copy within a unified buffer has its own cells", () => {
  const { cache, memory } = cacheWith({ streams: 2, sharedCells: 1000, mayShiftPositions: true });
  const running = cache.acquire(tokens(200), true)!;
  running.tokens.push(...tokens(120));
  const other = cache.acquire([...tokens(200), 7], true)!;
  assertEquals(other.tokens, tokens(120));
  assertEquals(memory.take(), [`save ${running.id}`, `restore ${other.id}`]);
});

Deno.test("a shifted stream has its own scope", () => {
  const { cache, memory } = cacheWith();
  const stream = cache.acquire(tokens(200), true)!;
  stream.tokens.push(...tokens(200));
  const scope = cache.isolate(stream);
  assertEquals(cache.acquire([...tokens(200), 7], true)!.tokens.length, 0);
  // The data moves at the next decode and must not be read before.
  memory.take();
  cache.swapOut(stream);
  assertEquals(memory.take(), [`remove ${stream.id} -1 -1`]);
  const again = cache.acquire([...tokens(200), 7], true, scope)!;
  again.tokens.push(...tokens(200), 7);
  cache.completeCopies();
  cache.swapOut(again);
  assertEquals(cache.acquire([...tokens(200), 7, 8], true, scope)!.tokens.length, 201);
});

Deno.test("in a shared buffer, the cells that a shift has freed are free for another prompt", () => {
  const { cache } = cacheWith({ sharedCells: 1000, mayShiftPositions: true });
  const stream = cache.acquire(tokens(800), true)!;
  stream.tokens.push(...tokens(800));
  assertEquals(cache.hasCellsFor(tokens(400, 5000), true), false);
  cache.isolate(stream);
  stream.tokens.splice(1, 400);
  assertEquals(cache.hasCellsFor(tokens(400, 5000), true), true);
});

Deno.test("the state of a preempted sequence is saved regardless of its length", () => {
  const { cache } = cacheWith();
  const stream = cache.acquire(tokens(20), true)!;
  stream.tokens.push(...tokens(20));
  cache.swapOut(stream);
  assertEquals(cache.acquire([...tokens(20), 7], true)!.tokens.length, 20);
});

/** Computes the rest of a stream's prompt as the loop does: up to each planned checkpoint, and to the end. */
function prefill(cache: PrefixCache, stream: KvStream, prompt: readonly number[]): void {
  while (stream.tokens.length < prompt.length) {
    const end = stream.planned[0] ?? prompt.length;
    stream.tokens.push(...prompt.slice(stream.tokens.length, end));
    cache.makeCheckpoint(stream);
  }
}

Deno.test("a memory that cannot be cut goes back to the last checkpoint of the common prefix", () => {
  const { cache, memory } = cacheWith({ canTruncate: false });
  const prompt = tokens(300);
  const stream = cache.acquire(prompt, true, "", [100, 200])!;
  prefill(cache, stream, prompt);
  assertEquals(stream.checkpoints.map(({ position }) => position), [100, 200, 299]);
  cache.release(stream, false);
  memory.take();
  const again = cache.acquire(prompt, true)!;
  assertEquals([again.id, again.tokens.length], [stream.id, 299]);
  assertEquals(memory.take(), ["go back 0", "remove 0 299 -1"]);
  cache.release(again, false);
  const branch = cache.acquire([...tokens(250), 7, 8, 9], true)!;
  assertEquals([branch.id, branch.tokens.length], [stream.id, 200]);
  assertEquals(branch.checkpoints.map(({ position }) => position), [100, 200]);
});

Deno.test("a memory that cannot be cut is copied by its state, and the copy goes back", () => {
  const { cache, memory } = cacheWith({ canTruncate: false });
  const prompt = tokens(300);
  const running = cache.acquire(prompt, true, "", [200])!;
  prefill(cache, running, prompt);
  memory.take();
  const other = cache.acquire([...tokens(220), 5, 6], true)!;
  assert(other.id !== running.id);
  assertEquals(other.tokens.length, 200);
  assertEquals(memory.take(), ["save 0", "restore 1", "go back 1", "remove 1 200 -1"]);
});

Deno.test("a request that waits for a prefix gets a checkpoint at the end of the prefix", () => {
  const { cache } = cacheWith({ canTruncate: false });
  const first = cache.acquire(tokens(300), true)!;
  const second = [...tokens(150), 1, 2, 3];
  assertEquals(cache.isBeingComputed(second), true);
  prefill(cache, first, tokens(300));
  assertEquals(first.checkpoints.map(({ position }) => position), [150, 299]);
  assertEquals(cache.isBeingComputed(second), false);
  assertEquals(cache.acquire(second, true)!.tokens.length, 150);
});

Deno.test("where one prompt branched off another, the next one finds a checkpoint", () => {
  const { cache } = cacheWith({ canTruncate: false });
  const run = (prompt: readonly number[]) => {
    const stream = cache.acquire(prompt, true)!;
    const known = stream.tokens.length;
    prefill(cache, stream, prompt);
    cache.release(stream, false);
    return known;
  };
  run(tokens(300));
  assertEquals(run([...tokens(170), 1]), 0);
  assertEquals(run([...tokens(170), 2]), 170);
});

Deno.test("a small window is truncated while it contains the tokens before the cut", () => {
  const { cache, memory } = cacheWith({ canTruncate: false, window: 50 });
  const stream = cache.acquire(tokens(30), true)!;
  stream.tokens.push(...tokens(200));
  cache.release(stream, false);
  memory.first = 100;
  memory.take();
  const near = cache.acquire([...tokens(160), 1, 2], true)!;
  assertEquals(near.tokens.length, 160);
  assertEquals(memory.take(), ["remove 0 160 -1"]);
  near.tokens.push(1, 2);
  cache.release(near, false);
  assertEquals(cache.acquire([...tokens(120), 1, 2], true)!.tokens.length, 0);
});

Deno.test("a saved state holds only the window at its end, also if the context keeps all cells", () => {
  const { cache, memory } = cacheWith({ streams: 1, window: 50 });
  run(cache, tokens(200));
  run(cache, tokens(80, 1000));
  // Most of the saved tokens are wanted, but not the last ones.
  assertEquals(run(cache, [...tokens(160), 1, 2]).known, 0);
  memory.take();
  const continued = cache.acquire([...tokens(200), 1, 2], true)!;
  assertEquals([continued.tokens.length, memory.take().includes("restore 0")], [200, true]);
  // The stream has the same gap.
  memory.first = 150;
  continued.tokens.push(1);
  cache.completeCopies();
  cache.release(continued, false);
  assertEquals(cache.acquire([...tokens(200), 5, 6], true)!.tokens.length, 200);
});

Deno.test("a copy by state goes back only where it holds the window", () => {
  const { cache, memory } = cacheWith({ canTruncate: false, window: 50 });
  const running = cache.acquire(tokens(200), true)!;
  running.tokens.push(...tokens(200));
  memory.restoreSequence = () => {
    memory.first = 150;
    return true;
  };
  assertEquals(cache.acquire([...tokens(160), 1, 2], true)!.tokens.length, 0);
});

Deno.test("checkpoints share the bound of saved states", () => {
  const { cache } = cacheWith({ canTruncate: false, savedBytes: 4 * CHECKPOINT_BYTES });
  const stream = cache.acquire(tokens(400), true, "", [50, 100, 150, 200, 250])!;
  prefill(cache, stream, tokens(400));
  assert(cache.hostMemory.bytes <= 4 * CHECKPOINT_BYTES);
  assertEquals(stream.checkpoints.length, cache.hostMemory.checkpoints);
  cache.release(stream, true);
  assertEquals(cache.hostMemory, { checkpoints: 0, bytes: 0 });
});

Deno.test("a saved state does not keep checkpoints that it evicts", () => {
  const { cache } = cacheWith({
    canTruncate: false,
    savedBytes: STATE_BYTES + 2 * CHECKPOINT_BYTES,
  });
  const stream = cache.acquire(tokens(300), true, "", [100, 200])!;
  prefill(cache, stream, tokens(300));
  cache.swapOut(stream);
  assertEquals(cache.hostMemory.checkpoints, 2);
  assertEquals(cache.acquire([...tokens(150), 7, 8], true)!.tokens.length, 0);
});

Deno.test("with a sliding window, a saved state is reused as a whole only", () => {
  // The state has the cells of the last window, also where a context keeps all cells.
  for (const canTruncate of [true, false]) {
    const { memory, cache } = cacheWith({ streams: 1, window: 24, canTruncate });
    run(cache, tokens(200));
    run(cache, tokens(200, 1000));
    memory.take();
    const branch = cache.acquire([...tokens(150), 7, 8], true)!;
    assertEquals(branch.tokens.length, 0);
    cache.release(branch, true);
    const whole = cache.acquire([...tokens(200), 7, 8], true)!;
    assertEquals(whole.tokens.length, 200);
  }
});

Deno.test("with a sliding window and all cells, a stream is truncated while it holds the window", () => {
  const { memory, cache } = cacheWith({ window: 24 });
  run(cache, tokens(200));
  memory.first = 0;
  const stream = cache.acquire([...tokens(150), 7, 8], true)!;
  assertEquals(stream.tokens.length, 150);
  cache.release(stream, false);
  // It was restored from a saved state.
  memory.first = 126;
  assertEquals(cache.acquire([...tokens(130), 9], true)!.tokens.length, 0);
});

Deno.test("a stream that is asked for is acquired, with a prefix that another one holds", () => {
  const { cache, memory } = cacheWith({ streams: 3 });
  const prompt = Array.from({ length: 80 }, (_, at) => at);
  const first = cache.acquire(prompt, true, "", [], 2)!;
  assertEquals(first.id, 2);
  first.tokens.push(...prompt);
  cache.release(first, false);
  memory.take();
  const second = cache.acquire([...prompt, 200], true, "", [], 1)!;
  assertEquals([second.id, second.tokens.length], [1, 80]);
  assertEquals(memory.take(), ["copy 2 1"]);
  cache.release(second, false);
  assertEquals(cache.acquire([...prompt, 201], true, "", [], 2)!.id, 2);
  assertEquals(memory.take().filter((call) => call.startsWith("copy")), []);
});

Deno.test("an erased stream is not restored from host memory", () => {
  const { cache } = cacheWith({ streams: 1 });
  const run = (tokens: readonly number[]) => {
    const stream = cache.acquire(tokens, true)!;
    const cached = stream.tokens.length;
    stream.tokens.push(...tokens.slice(cached));
    cache.release(stream, false);
    return { stream, cached };
  };
  const prompt = Array.from({ length: 80 }, (_, at) => at);
  run(prompt);
  run([500, 501, 502]);
  const { stream, cached } = run([...prompt, 81]);
  assertEquals(cached, 80);
  cache.erase(stream);
  assertEquals(run([...prompt, 81]).cached, 0);
});

Deno.test("a cache whose next context cannot be opened is empty, and moves to another one", () => {
  const { cache } = cacheWith();
  run(cache, tokens(200));
  assertThrows(
    () =>
      cache.move(0, () => {
        throw new Error("no memory");
      }),
    Error,
    "no memory",
  );
  assertEquals([cache.cellsUsed, cache.cachedLength(tokens(200), "")], [0, 0]);
  // The memory of the closed context is not read.
  const other = cacheWith();
  cache.move(1000, () => other);
  assertEquals(other.memory.take(), []);
  assertEquals(run(cache, tokens(200)).known, 0);
});

Deno.test("what is held for a shifted sequence alone is removed with its scope", () => {
  const { cache } = cacheWith();
  const stream = cache.acquire(tokens(200), true)!;
  stream.tokens.push(...tokens(200));
  const scope = cache.isolate(stream);
  cache.completeCopies();
  cache.swapOut(stream);
  const again = cache.acquire([...tokens(200), 7], true, scope)!;
  again.tokens.push(7);
  assertEquals(cache.hostMemory.bytes, STATE_BYTES);
  // A further shift makes the state useless.
  const next = cache.isolate(again);
  assertEquals([cache.hostMemory.bytes, cache.cachedLength(tokens(250), scope)], [0, 0]);
  cache.completeCopies();
  cache.release(again, false);
  assertEquals(cache.cachedLength(tokens(250), next), 200);
  cache.discard(next);
  assertEquals([cache.cellsUsed, cache.cachedLength(tokens(250), next)], [0, 0]);
});

Deno.test("an inserted state stays although its checkpoints exceed the bound of host memory", () => {
  const { cache } = cacheWith({ canTruncate: false, savedBytes: STATE_BYTES + 25 });
  const checkpoints = [100, 150, 200].map((position) => ({
    position,
    state: new Uint8Array(CHECKPOINT_BYTES),
  }));
  const inserted = cache.insertState({
    tokens: tokens(300),
    state: new Uint8Array(STATE_BYTES),
    scope: "",
    checkpoints,
  })!;
  assertEquals(inserted.checkpoints.map(({ position }) => position), [150, 200]);
  const stream = cache.acquire([...tokens(300), 7], true)!;
  assertEquals(stream.tokens.length, 300);
  cache.removeInserted(inserted);
});

Deno.test("a restored stream goes back to the checkpoints of its state", () => {
  const { cache, memory } = cacheWith({ canTruncate: false });
  const stream = cache.streams[1]!;
  const checkpoints = [{ position: 150, state: new Uint8Array(CHECKPOINT_BYTES) }];
  const state = new Uint8Array(STATE_BYTES);
  assert(cache.restore(stream, { tokens: tokens(200), state, scope: "", checkpoints }));
  memory.take();
  const branch = cache.acquire([...tokens(160), 7], true, "", [], 1)!;
  assertEquals(branch.tokens.length, 150);
  assertEquals(memory.take(), ["go back 1", "remove 1 150 -1"]);
});
