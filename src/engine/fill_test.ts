import { assertEquals } from "@std/assert";
import type { Batch } from "../../ffi/mod.ts";
import { fillAnswers, fillPrompts } from "./fill.ts";
import type { Sequence } from "./sequence.ts";
import type { Speculation } from "./speculation.ts";

/** A batch that keeps which stream each of its tokens is of. */
class BatchDouble {
  readonly capacity = 64;
  streams: number[] = [];
  get length() {
    return this.streams.length;
  }
  get room() {
    return this.capacity - this.streams.length;
  }
  clear() {
    this.streams = [];
  }
  add(_token: number, _position: number, stream: number): number {
    return this.streams.push(stream) - 1;
  }
}

/** A sequence of `length` tokens, the first `held` of which are in its stream. */
function sequence(id: number, length: number, held: number): Sequence {
  const tokens = Array.from({ length }, (_, index) => index);
  return {
    ...{ tokens, draft: [], outputs: [], paused: false, remaining: length - held },
    ...{ submitted: 0, request: {} },
    stream: { id, tokens: tokens.slice(0, held) },
  } as unknown as Sequence;
}

const noDrafts = { draft() {} } as unknown as Speculation;

Deno.test("answers are in the batch in the order of their streams, whoever came first", () => {
  const batch = new BatchDouble();
  const answers = [2, 0, 3, 1].map((id) => sequence(id, 5, 4));
  assertEquals(fillAnswers(batch as unknown as Batch, answers, noDrafts), answers);
  assertEquals(batch.streams, [0, 1, 2, 3]);
  assertEquals(answers.map(({ outputs }) => outputs), [[2], [0], [3], [1]]);
});

Deno.test("the shortest prompts share a batch, in the order of their streams", () => {
  const batch = new BatchDouble();
  const [long, short, middle] = [sequence(0, 40, 0), sequence(2, 3, 0), sequence(1, 6, 0)];
  const members = fillPrompts(batch as unknown as Batch, [long, short, middle], 20, 0);
  assertEquals(members, [short, middle, long]);
  assertEquals(batch.streams.join(""), "00000000000" + "111111" + "222");
  assertEquals([long, short, middle].map(({ outputs }) => outputs), [[], [19], [16]]);
});

Deno.test("a prompt is not begun for the little room that others left", () => {
  const batch = new BatchDouble();
  const [long, short, middle] = [sequence(0, 40, 0), sequence(2, 3, 0), sequence(1, 6, 0)];
  const members = fillPrompts(batch as unknown as Batch, [long, short, middle], 12, 0);
  assertEquals(members, [short, middle]);
  assertEquals(batch.streams.join(""), "111111" + "222");
});

Deno.test("a prompt longer than a batch is cut, also where the batch was begun", () => {
  const batch = new BatchDouble();
  const [longer, long] = [sequence(0, 50, 0), sequence(1, 40, 10)];
  assertEquals(fillPrompts(batch as unknown as Batch, [longer, long], 16, 0), [long]);
  assertEquals(batch.length, 16);
  assertEquals(long.outputs, []);
  const [short, next] = [sequence(2, 6, 0), sequence(3, 40, 0)];
  assertEquals(fillPrompts(batch as unknown as Batch, [next, short], 16, 0), [short, next]);
  assertEquals(batch.streams.join(""), "222222" + "3333333333");
});
