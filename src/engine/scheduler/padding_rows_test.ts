import { assert, assertEquals } from "@std/assert";
import { ask, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { LoopBench } from "../../../tests/support/loop.ts";
import { PaddingRows } from "./padding_rows.ts";
import type { KvStream } from "../kv_cache/prefix_cache.ts";

/** A stream that nobody uses and that holds so many tokens. */
function idle(id: number, length = 0): KvStream {
  return {
    id,
    tokens: Array(length).fill(0),
    scope: "",
    busy: false,
    lastUsed: 0,
    checkpoints: [],
    planned: [],
  };
}

/**
 * The ids of the streams that are chosen once both ways were timed, on a machine where a batch takes as
 * long as `cost` says of its rows.
 */
function chosen(
  ids: readonly number[],
  unused: readonly KvStream[],
  cost: (rows: number) => number,
  longest = 100,
): number[] {
  const padding = new PaddingRows(400);
  let paddingStreams: readonly KvStream[] = [];
  for (let step = 0; step < 30; step++) {
    paddingStreams = padding.choose(ids, unused, longest);
    // What follows the streams' own rows is computed by itself.
    const all = [...ids, ...paddingStreams.map(({ id }) => id)].toSorted((a, b) => a - b);
    let ms = 0;
    for (let at = 0; at < all.length;) {
      let end = at + 1;
      while (end < all.length && all[end] === all[end - 1]! + 1) end++;
      ms += cost(end - at);
      at = end;
    }
    padding.record(ms);
  }
  return paddingStreams.map(({ id }) => id);
}

/** Kernels that compute four rows at once, and what is left one by one. */
const inFours = (rows: number) => 4 + 22 * Math.floor(rows / 4) + 12 * (rows % 4);
const oneByOne = (rows: number) => 4 + 12 * rows;

Deno.test("a group of rows that is nearly full is filled where that is faster", () => {
  const unused = [idle(3), idle(4), idle(5), idle(6), idle(7), idle(8)];
  assertEquals(chosen([0, 1, 2], unused, inFours), [3]);
  assertEquals(chosen([0, 1], [idle(2), idle(3)], inFours), [2, 3]);
  assertEquals(chosen([0, 1, 2, 3, 4, 5, 6], [idle(7)], inFours), [7]);
  assertEquals(chosen([1, 2, 3], [idle(0)], inFours), [0]);
});

Deno.test("it is not filled where that is not faster, or has no place", () => {
  assertEquals(chosen([0, 1, 2], [idle(3)], oneByOne), []);
  assertEquals(chosen([0], [idle(1), idle(2), idle(3)], inFours), []);
  assertEquals(chosen([0, 1, 2, 3], [idle(4)], inFours), []);
  assertEquals(chosen([0, 1, 2, 3, 4], [idle(5), idle(6), idle(7)], inFours), []);
  // Not beside the others.
  assertEquals(chosen([0, 1, 2], [idle(5)], inFours), []);
  // It would attend to much more than the others.
  assertEquals(chosen([0, 1, 2], [idle(3, 357)], inFours), []);
  assertEquals(chosen([0, 1, 2], [idle(3, 356)], inFours), [3]);
  // It is full.
  assertEquals(chosen([0, 1, 2], [idle(3, 400)], inFours, 390), []);
  assertEquals(chosen([0, 1, 2], [idle(3, 399)], inFours, 390), [3]);
});

Deno.test("a gap between streams is filled where those behind it would be computed by themselves", () => {
  assertEquals(chosen([0, 1, 3], [idle(2)], inFours), [2]);
  assertEquals(chosen([0, 1, 3], [idle(2)], oneByOne), []);
  assertEquals(chosen([0, 2, 3], [idle(1), idle(4)], inFours), [1]);
  assertEquals(chosen([0, 2, 5, 7], [1, 3, 4, 6].map((id) => idle(id)), inFours), [1, 3, 4, 6]);
  // A gap that somebody who waits or reads a prompt makes stays.
  assertEquals(chosen([0, 1, 3, 5], [idle(2)], inFours), []);
  assertEquals(chosen([0, 9], [1, 2, 3, 4, 5, 6, 7, 8].map((id) => idle(id)), inFours), []);
});

Deno.test("each way is timed a few times, one after the other, and the best time counts", () => {
  const padding = new PaddingRows(400);
  const way = (ms: number) => {
    const { length } = padding.choose([0, 1, 2], [idle(3)], 10);
    padding.record(ms);
    return length;
  };
  assertEquals([40, 500, 900, 41, 40, 70].map(way), [0, 0, 0, 0, 0, 0]);
  assertEquals([800, 30, 90, 90, 90, 90].map(way), [1, 1, 1, 1, 1, 1]);
  assertEquals([9000, 9000].map(way), [1, 1]);
});

Deno.test("a stream that lends a row keeps what it holds, and what is computed beside it stays right", async () => {
  using bench = await LoopBench.load({ modelPaths: [TINY_F16], parallel: 4, lookup: false });
  const hello = question("Hello");
  const others = ["Count from 3 to 40.", "Count from 7 to 40.", "Count from 9 to 40."]
    .map((text) => ask(question(text), { maxTokens: 40 }));
  const alone = others.map((request) => bench.together([request])[0]!.text);

  const [greeting] = bench.together([ask(hello)]);
  const held = greeting!.done!.usage.promptTokens + greeting!.done!.usage.completionTokens - 1;
  const ids = others.map((request) => bench.submit(request));
  bench.run();
  assertEquals(ids.map((id) => bench.reports[id]!.text), alone);
  const rows = bench.calls.filter(({ outputs }) => outputs === 3).map(({ tokens }) => tokens);
  assert(rows.includes(3) && rows.includes(4), `${rows}`);

  const next = `${hello}${greeting!.text}<|im_end|>\n${question("What is the capital of France?")}`;
  const again = bench.submit(ask(next));
  bench.run();
  const { text, done } = bench.reports[again]!;
  assertEquals(text, "The capital of France is Paris.");
  assert(done!.usage.cachedTokens >= held, `${done!.usage.cachedTokens} of ${held}`);
});
