import { assert, assertEquals } from "@std/assert";
import { ask, question, TINY_F16 } from "../../../tests/support/engine.ts";
import { LoopHarness } from "../../../tests/support/loop.ts";
import { PaddingRows } from "./padding_rows.ts";
import type { KvStream } from "../kv_cache/cached_prefix.ts";

/** An idle stream with this many tokens. */
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
 * Ids of the chosen padding streams after both variants were timed, on a machine where `cost` gives
 * the time of a batch from its rows.
 */
function chosen(
  ids: readonly number[],
  idleStreams: readonly KvStream[],
  cost: (rows: number) => number,
  longest = 100,
): number[] {
  const padding = new PaddingRows(400);
  let paddingStreams: readonly KvStream[] = [];
  for (let step = 0; step < 60; step++) {
    paddingStreams = padding.choose(ids, idleStreams, longest);
    // Rows after the streams' own rows are computed separately.
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

/** Kernels that compute four rows at once and remaining rows one by one. */
const inFours = (rows: number) => 4 + 22 * Math.floor(rows / 4) + 12 * (rows % 4);
const oneByOne = (rows: number) => 4 + 12 * rows;

Deno.test("a nearly full row group is padded if that is faster", () => {
  const idleStreams = [idle(3), idle(4), idle(5), idle(6), idle(7), idle(8)];
  assertEquals(chosen([0, 1, 2], idleStreams, inFours), [3]);
  assertEquals(chosen([0, 1], [idle(2), idle(3)], inFours), [2, 3]);
  assertEquals(chosen([0, 1, 2, 3, 4, 5, 6], [idle(7)], inFours), [7]);
  assertEquals(chosen([1, 2, 3], [idle(0)], inFours), [0]);
});

Deno.test("a row group is not padded if that is not faster or no stream is suitable", () => {
  assertEquals(chosen([0, 1, 2], [idle(3)], oneByOne), []);
  assertEquals(chosen([0], [idle(1), idle(2), idle(3)], inFours), []);
  assertEquals(chosen([0, 1, 2, 3], [idle(4)], inFours), []);
  assertEquals(chosen([0, 1, 2, 3, 4], [idle(5), idle(6), idle(7)], inFours), []);
  // Not adjacent to the others.
  assertEquals(chosen([0, 1, 2], [idle(5)], inFours), []);
  // Its row would attend to many more tokens than the others.
  assertEquals(chosen([0, 1, 2], [idle(3, 357)], inFours), []);
  assertEquals(chosen([0, 1, 2], [idle(3, 356)], inFours), [3]);
  // The stream is full.
  assertEquals(chosen([0, 1, 2], [idle(3, 400)], inFours, 390), []);
  assertEquals(chosen([0, 1, 2], [idle(3, 399)], inFours, 390), [3]);
});

Deno.test("a gap between streams is padded if the streams behind it are computed separately", () => {
  assertEquals(chosen([0, 1, 3], [idle(2)], inFours), [2]);
  assertEquals(chosen([0, 1, 3], [idle(2)], oneByOne), []);
  assertEquals(chosen([0, 2, 3], [idle(1), idle(4)], inFours), [1]);
  assertEquals(chosen([0, 2, 5, 7], [1, 3, 4, 6].map((id) => idle(id)), inFours), [1, 3, 4, 6]);
  // A gap left by a waiting or prefilling sequence remains.
  assertEquals(chosen([0, 1, 3, 5], [idle(2)], inFours), []);
  assertEquals(chosen([0, 9], [1, 2, 3, 4, 5, 6, 7, 8].map((id) => idle(id)), inFours), []);
});

Deno.test("a padding stream keeps its tokens, and the padded batch gives correct answers", async () => {
  using harness = await LoopHarness.load({ modelPaths: [TINY_F16], parallel: 4, lookup: false });
  const hello = question("Hello");
  const others = ["Count from 3 to 40.", "Count from 7 to 40.", "Count from 9 to 40."]
    .map((text) => ask(question(text), { maxTokens: 40 }));
  const alone = others.map((request) => harness.runAll([request])[0]!.text);

  const [greeting] = harness.runAll([ask(hello)]);
  const held = greeting!.done!.usage.promptTokens + greeting!.done!.usage.completionTokens - 1;
  const ids = others.map((request) => harness.submit(request));
  harness.run();
  assertEquals(ids.map((id) => harness.reports[id]!.text), alone);
  const rows = harness.calls.filter(({ outputs }) => outputs === 3).map(({ tokens }) => tokens);
  assert(rows.includes(3) && rows.includes(4), `${rows}`);

  const next = `${hello}${greeting!.text}<|im_end|>\n${question("What is the capital of France?")}`;
  const again = harness.submit(ask(next));
  harness.run();
  const { text, done } = harness.reports[again]!;
  assertEquals(text, "The capital of France is Paris.");
  assert(done!.usage.cachedTokens >= held, `${done!.usage.cachedTokens} of ${held}`);
});

Deno.test("single fast batches do not decide: the medians of both ways do", () => {
  const padding = new PaddingRows(400);
  let paddingStreams: readonly KvStream[] = [];
  for (let step = 0; step < 60; step++) {
    paddingStreams = padding.choose([0, 1, 2], [idle(3)], 100);
    // Padding costs 5 %, except in a few batches.
    padding.record(paddingStreams.length > 0 ? (step % 10 === 1 ? 50 : 105) : 100);
  }
  assertEquals(paddingStreams, []);
});

Deno.test("both ways are timed alternately, as batches get slower while sequences grow", () => {
  const padding = new PaddingRows(400);
  const isPadded: boolean[] = [];
  for (let step = 0; step < 60; step++) {
    isPadded.push(padding.choose([0, 1, 2], [idle(3)], 100).length > 0);
    // Padding saves 6 %, and each batch takes 1 % longer than the one before.
    padding.record((100 + step) * (isPadded.at(-1) ? 0.94 : 1));
  }
  assertEquals(isPadded.slice(0, 4), [false, true, false, true]);
  assertEquals(isPadded.slice(-4), [true, true, true, true]);
});

Deno.test("padding that is slower is given up after a few batches", () => {
  const padding = new PaddingRows(400);
  const isPadded: boolean[] = [];
  for (let step = 0; step < 60; step++) {
    isPadded.push(padding.choose([0, 1, 2], [idle(3)], 100).length > 0);
    padding.record(isPadded.at(-1) ? 105 : 100);
  }
  assertEquals(isPadded.lastIndexOf(true), 5);
});
