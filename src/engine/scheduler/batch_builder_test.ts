import { assertEquals } from "@std/assert";
import type { Batch } from "../../../ffi/mod.ts";
import { MediaRuns } from "../media/media_runs.ts";
import { addDecodeTokens, addPrefillChunks } from "./batch_builder.ts";
import type { Sequence } from "./sequence.ts";

/** A batch that records the stream of each token. */
class BatchDouble {
  readonly capacity = 64;
  streams: number[] = [];
  positions: number[] = [];
  get length() {
    return this.streams.length;
  }
  get room() {
    return this.capacity - this.streams.length;
  }
  clear() {
    this.streams = [];
    this.positions = [];
  }
  add(_token: number, position: number, stream: number): number {
    this.positions.push(position);
    return this.streams.push(stream) - 1;
  }
}

/** A sequence of `length` tokens, the first `held` of which are in its stream. */
function sequence(id: number, length: number, held: number): Sequence {
  const tokens = Array.from({ length }, (_, index) => index);
  return {
    ...{
      tokens,
      draft: [],
      outputs: [],
      promptOutputs: [],
      paused: false,
      remaining: length - held,
      media: MediaRuns.NONE,
    },
    ...{ submitted: 0, request: {} },
    stream: { id, tokens: tokens.slice(0, held), planned: [] },
  } as unknown as Sequence;
}

Deno.test("a decode batch has the last sampled token and the draft of each sequence", () => {
  const batch = new BatchDouble();
  const [one, other] = [sequence(1, 5, 4), sequence(2, 9, 8)];
  other.draft = [7, 7, 7];
  addDecodeTokens(batch as unknown as Batch, [one, other], []);
  assertEquals(batch.streams, [1, 2, 2, 2, 2]);
  assertEquals([one, other].map(({ outputs }) => outputs), [[0], [1, 2, 3, 4]]);
  assertEquals([one, other].map(({ stream }) => stream!.tokens.length), [5, 12]);
});

Deno.test("padding rows are in stream order and have no outputs", () => {
  const batch = new BatchDouble();
  const decoding = [2, 4].map((id) => sequence(id, 5, 4));
  const padding = [5, 3, 1].map((id) => sequence(id, 9, 2).stream!);
  addDecodeTokens(batch as unknown as Batch, decoding, padding);
  assertEquals(batch.streams, [1, 2, 3, 4, 5]);
  assertEquals(batch.positions, [2, 4, 2, 4, 2]);
  assertEquals(decoding.map(({ outputs }) => outputs), [[1], [3]]);
  assertEquals(padding.map(({ tokens }) => tokens.length), [2, 2, 2]);
});

Deno.test("the shortest prompts share a batch in stream order", () => {
  const batch = new BatchDouble();
  const [long, short, middle] = [sequence(0, 40, 0), sequence(2, 3, 0), sequence(1, 6, 0)];
  const { sequences: members } = addPrefillChunks(
    batch as unknown as Batch,
    [long, short, middle],
    20,
    0,
    512,
  );
  assertEquals(members, [short, middle, long]);
  assertEquals(batch.streams.join(""), "00000000" + "111111" + "222");
  assertEquals([long, short, middle].map(({ outputs }) => outputs), [[], [16], [13]]);
});

Deno.test("a prompt is not started if little room is left", () => {
  const batch = new BatchDouble();
  const [long, short, middle] = [sequence(0, 40, 0), sequence(2, 3, 0), sequence(1, 6, 0)];
  const { sequences: members } = addPrefillChunks(
    batch as unknown as Batch,
    [long, short, middle],
    12,
    0,
    512,
  );
  assertEquals(members, [short, middle]);
  assertEquals(batch.streams.join(""), "111111" + "222");
});

Deno.test("a prompt slightly over the budget is computed at once", () => {
  for (const [budget, rows] of [[20, 30], [19, 16], [30, 30], [64, 30]] as const) {
    const batch = new BatchDouble();
    addPrefillChunks(batch as unknown as Batch, [sequence(0, 40, 10)], budget, 0, 512);
    assertEquals(batch.length, rows);
  }
});

Deno.test("a prompt longer than the room of a batch is split", () => {
  const batch = new BatchDouble();
  const [longer, long] = [sequence(0, 50, 0), sequence(1, 40, 10)];
  // Split at row groups of four.
  for (const [budget, rows] of [[16, 16], [15, 12], [3, 3]] as const) {
    const cut = [sequence(0, 50, 0), sequence(1, 40, 10)];
    const { sequences } = addPrefillChunks(batch as unknown as Batch, cut, budget, 0, 512);
    assertEquals(sequences, cut.slice(1));
    assertEquals(batch.length, rows);
  }
  const add = (prompts: Sequence[]) =>
    addPrefillChunks(batch as unknown as Batch, prompts, 16, 0, 512).sequences;
  assertEquals(add([longer, long]), [long]);
  assertEquals(long.outputs, []);
  const [short, next] = [sequence(2, 6, 0), sequence(3, 40, 0)];
  assertEquals(add([next, short]), [short, next]);
  assertEquals(batch.streams.join(""), "222222" + "33333333");
});

Deno.test("a prompt's chunk ends where a checkpoint is planned", () => {
  const batch = new BatchDouble();
  const one = sequence(0, 50, 10);
  one.stream!.planned = [30, 49];
  addPrefillChunks(batch as unknown as Batch, [one], 64, 0, 512);
  assertEquals(batch.positions.at(-1), 29);
  assertEquals(one.outputs, []);
});

Deno.test("in a shared buffer a prefill batch is filled, and carries the decoding sequences", () => {
  const batch = new BatchDouble();
  const rider = sequence(3, 20, 19);
  const prompts = [sequence(1, 40, 0), sequence(2, 45, 0), sequence(4, 50, 0)];
  const way = { riders: [rider], isUnified: true, rowGroup: 4 };
  const chosen = addPrefillChunks(batch as unknown as Batch, prompts, 64, 0, 8, way);
  assertEquals(batch.length, 64);
  assertEquals(batch.streams, [3, ...Array(40).fill(1), ...Array(23).fill(2)]);
  assertEquals(chosen.sequences, prompts.slice(0, 2));
  assertEquals([rider.outputs, prompts[0]!.outputs], [[0], [40]]);
  assertEquals(prompts[1]!.outputs, []);
  // Streams of their own would compute the second prompt separately.
  const streams = { riders: [], isUnified: false, rowGroup: 4 };
  const fresh = [sequence(1, 40, 0), sequence(2, 45, 0)];
  addPrefillChunks(batch as unknown as Batch, fresh, 64, 0, 8, streams);
  assertEquals(batch.length, 40);
});

Deno.test("where kernels compute 16 rows together, a prompt's last rows are left for the next batch", () => {
  const way = { riders: [], isUnified: false, rowGroup: 16 };
  for (
    const [length, rows, isCut] of [
      [64, 64, false],
      [61, 48, true],
      [49, 48, true],
      [32, 32, false],
      // Fewer rows take as long as reading the weights.
      [31, 31, false],
      [17, 17, false],
    ] as const
  ) {
    const batch = new BatchDouble();
    const one = sequence(1, length, 0);
    const { tails } = addPrefillChunks(batch as unknown as Batch, [one], 64, 0, 512, way);
    assertEquals([batch.length, tails.length], [rows, isCut ? 1 : 0]);
    assertEquals(one.outputs, isCut ? [] : [length - 1]);
  }
});

Deno.test("the first part of a longer prompt has no last rows", () => {
  const way = { riders: [], isUnified: false, rowGroup: 16 };
  const batch = new BatchDouble();
  const { tails } = addPrefillChunks(
    batch as unknown as Batch,
    [sequence(1, 200, 0)],
    60,
    0,
    512,
    way,
  );
  assertEquals([batch.length, tails], [48, []]);
});

Deno.test("in a shared buffer the rows of a batch fill groups, whosever they are", () => {
  const batch = new BatchDouble();
  const rider = sequence(3, 20, 19);
  const prompts = [sequence(1, 30, 0), sequence(2, 31, 0)];
  const way = { riders: [rider], isUnified: true, rowGroup: 16 };
  const { sequences, tails } = addPrefillChunks(
    batch as unknown as Batch,
    prompts,
    64,
    0,
    8,
    way,
  );
  assertEquals(batch.streams, [3, ...Array(30).fill(1), ...Array(17).fill(2)]);
  assertEquals([sequences, tails], [prompts, [prompts[1]!]]);
});

Deno.test("prompts of a burst get equal parts of a batch in whole groups", () => {
  const add = (lengths: readonly number[], rowGroup: number, isUnified = false) => {
    const batch = new BatchDouble();
    const prompts = lengths.map((length, id) => sequence(id, length, 0));
    const way = { riders: [], isUnified, rowGroup, parts: lengths.length };
    const { tails } = addPrefillChunks(batch as unknown as Batch, prompts, 64, 0, 512, way);
    const rows = prompts.map(({ stream }) => stream!.tokens.length);
    return { rows, tails, outputs: prompts.map(({ outputs }) => outputs.length) };
  };
  assertEquals(add([40, 50, 60], 4), { rows: [20, 20, 20], tails: [], outputs: [0, 0, 0] });
  assertEquals(add([40, 50], 16).rows, [32, 32]);
  assertEquals(add([40, 50], 16, true), { rows: [32, 32], tails: [], outputs: [0, 0] });
  // A prompt that is shorter than its part is computed whole.
  assertEquals(add([7, 50, 60], 4), { rows: [7, 20, 20], tails: [], outputs: [1, 0, 0] });
  // Parts of one group each: whole prompts instead, as far as the batch has room.
  assertEquals(add([32, 33, 64], 16).rows, [32, 32, 0]);
  assertEquals(add([40, 50, 60], 16).rows, [32, 0, 0]);
});
