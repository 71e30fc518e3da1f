import { assertEquals, assertStrictEquals } from "@std/assert";
import { type StreamState, toStreams } from "./stream_state.ts";

const HEAD = [1, 2, 3, 4, 5, 6, 7, 8];
const number = (value: number) => [...new Uint8Array(new Uint32Array([value]).buffer)];
const none = number(0);

/** A part of a state: the number of streams, and the cells of a sequence in one of them. */
function part(streams: number, stream: number, cells: readonly number[]): number[] {
  const counts = Array.from({ length: streams }, (_, at) => at === stream ? cells : none);
  return [...number(streams), ...counts.flat()];
}

const CELLS = [...number(2), 11, 12, 13, 14];
const WINDOW = [...number(1), 21, 22];
const RECURRENT = [31, 32, 33];

function state(streams: number, stream: number, ...parts: readonly number[][]): StreamState {
  const [first, ...rest] = parts;
  return {
    state: new Uint8Array([...HEAD, ...first!, ...rest.flat()]),
    partialBytes: rest.length === 0
      ? HEAD.length + first!.length
      : HEAD.length + rest.flat().length,
    streams,
    stream,
  };
}

Deno.test("a state moves between contexts with any number of streams", () => {
  for (const [from, stream] of [[4, 0], [4, 2], [4, 3], [1, 0]] as const) {
    for (const to of [1, 2, 4].filter((count) => count !== from)) {
      const expected = [...HEAD, ...part(to, 0, CELLS)];
      const moved = toStreams(state(from, stream, part(from, stream, CELLS)), "attention", to);
      assertEquals([...moved], expected, `${from}:${stream} to ${to}`);
    }
  }
});

Deno.test("both caches of a model with a sliding window are converted", () => {
  const windowed = state(3, 1, part(3, 1, CELLS), part(3, 1, WINDOW));
  assertEquals([...toStreams(windowed, "windowed", 1)], [
    ...HEAD,
    ...part(1, 0, CELLS),
    ...part(1, 0, WINDOW),
  ]);
});

Deno.test("recurrent states do not depend on streams", () => {
  const hybrid = state(3, 1, part(3, 1, CELLS), RECURRENT);
  assertEquals([...toStreams(hybrid, "hybrid", 1)], [...HEAD, ...part(1, 0, CELLS), ...RECURRENT]);
  const recurrent = state(3, 1, RECURRENT);
  assertStrictEquals(toStreams(recurrent, "recurrent", 1), recurrent.state);
});

Deno.test("a state for the same number of streams stays as it is", () => {
  const same = state(2, 1, part(2, 1, CELLS));
  assertStrictEquals(toStreams(same, "attention", 2), same.state);
});
