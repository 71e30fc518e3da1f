import { assertEquals } from "@std/assert";
import type { Batch } from "../../../ffi/mod.ts";
import { addDecodeTokens, addPrefillChunks } from "./batch_builder.ts";
import type { Sequence } from "./sequence.ts";

/** A batch that keeps which stream each of its tokens is of. */
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
    },
    ...{ submitted: 0, request: {} },
    stream: { id, tokens: tokens.slice(0, held), planned: [] },
  } as unknown as Sequence;
}

Deno.test("answers have the token that was sampled last and their drafts in the batch", () => {
  const batch = new BatchDouble();
  const [one, other] = [sequence(1, 5, 4), sequence(2, 9, 8)];
  other.draft = [7, 7, 7];
  addDecodeTokens(batch as unknown as Batch, [one, other], []);
  assertEquals(batch.streams, [1, 2, 2, 2, 2]);
  assertEquals([one, other].map(({ outputs }) => outputs), [[0], [1, 2, 3, 4]]);
  assertEquals([one, other].map(({ stream }) => stream!.tokens.length), [5, 12]);
});

Deno.test("rows that nobody needs stand where their streams belong, and are not sampled from", () => {
  const batch = new BatchDouble();
  const answers = [2, 4].map((id) => sequence(id, 5, 4));
  const unused = [5, 3, 1].map((id) => sequence(id, 9, 2).stream!);
  addDecodeTokens(batch as unknown as Batch, answers, unused);
  assertEquals(batch.streams, [1, 2, 3, 4, 5]);
  assertEquals(batch.positions, [2, 4, 2, 4, 2]);
  assertEquals(answers.map(({ outputs }) => outputs), [[1], [3]]);
  assertEquals(unused.map(({ tokens }) => tokens.length), [2, 2, 2]);
});

Deno.test("the shortest prompts share a batch, in the order of their streams", () => {
  const batch = new BatchDouble();
  const [long, short, middle] = [sequence(0, 40, 0), sequence(2, 3, 0), sequence(1, 6, 0)];
  const members = addPrefillChunks(batch as unknown as Batch, [long, short, middle], 20, 0, 512);
  assertEquals(members, [short, middle, long]);
  assertEquals(batch.streams.join(""), "00000000" + "111111" + "222");
  assertEquals([long, short, middle].map(({ outputs }) => outputs), [[], [16], [13]]);
});

Deno.test("a prompt is not begun for the little room that others left", () => {
  const batch = new BatchDouble();
  const [long, short, middle] = [sequence(0, 40, 0), sequence(2, 3, 0), sequence(1, 6, 0)];
  const members = addPrefillChunks(batch as unknown as Batch, [long, short, middle], 12, 0, 512);
  assertEquals(members, [short, middle]);
  assertEquals(batch.streams.join(""), "111111" + "222");
});

Deno.test("a prompt that needs little more than its share is computed at once", () => {
  for (const [share, rows] of [[20, 30], [19, 16], [30, 30], [64, 30]] as const) {
    const batch = new BatchDouble();
    addPrefillChunks(batch as unknown as Batch, [sequence(0, 40, 10)], share, 0, 512);
    assertEquals(batch.length, rows);
  }
});

Deno.test("a prompt longer than a batch is cut, also where the batch was begun", () => {
  const batch = new BatchDouble();
  const [longer, long] = [sequence(0, 50, 0), sequence(1, 40, 10)];
  // To groups of four rows, as those are computed at once.
  for (const [share, rows] of [[16, 16], [15, 12], [3, 3]] as const) {
    const cut = [sequence(0, 50, 0), sequence(1, 40, 10)];
    assertEquals(addPrefillChunks(batch as unknown as Batch, cut, share, 0, 512), cut.slice(1));
    assertEquals(batch.length, rows);
  }
  assertEquals(addPrefillChunks(batch as unknown as Batch, [longer, long], 16, 0, 512), [long]);
  assertEquals(long.outputs, []);
  const [short, next] = [sequence(2, 6, 0), sequence(3, 40, 0)];
  assertEquals(addPrefillChunks(batch as unknown as Batch, [next, short], 16, 0, 512), [
    short,
    next,
  ]);
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
