import { assertEquals, assertThrows } from "@std/assert";
import { type MediaRun, MediaRuns } from "./media_runs.ts";

const work = { begun: 0, ms: 0 };

/** A run of rows with two values each, which are the index of the row and its number. */
function run(first: number, rows: number, isWhole = false): MediaRun {
  const values = Array.from({ length: rows }, (_, row) => [row, first - row]).flat();
  return { first, rows, isWhole, embeddings: new Float32Array(values) };
}

const tokens = [1, -2, -3, -4, 5, 6, -5, -6, 7];
const runs = new MediaRuns(
  [{ ...run(-2, 3), start: 1 }, { ...run(-5, 2, true), start: 6 }],
  work,
);

Deno.test("rows are where their numbers are in the prompt", () => {
  const rows = tokens.map((_, index) => runs.isRow(index));
  assertEquals(rows, tokens.map((token) => token < 0));
  assertEquals([0, 1, 4, 5, 6, 7, 8].map((at) => runs.nextRow(at)), [1, 1, 6, 6, 6, 7, Infinity]);
});

Deno.test("the same image twice in a prompt has its rows at both places", () => {
  const twice = new MediaRuns(
    [{ ...run(-2, 2), start: 0 }, { ...run(-2, 2), start: 3 }],
    work,
  );
  assertEquals([twice.nextRow(0), twice.nextRow(2)], [0, 3]);
  assertEquals([...twice.rowsAt(4, 8).embeddings], [1, -3]);
});

Deno.test("rows are taken up to the limit", () => {
  const { first, rows, embeddings } = runs.rowsAt(2, 1);
  assertEquals([first, rows, [...embeddings]], [-3, 1, [1, -3]]);
  assertEquals(runs.rowsAt(2, 8).rows, 2);
});

Deno.test("rows that attend to each other are taken whole", () => {
  assertEquals(runs.rowsAt(6, 1).rows, 2);
});

Deno.test("there are no rows where tokens are", () => {
  assertThrows(() => runs.rowsAt(4, 1), RangeError);
  assertEquals([MediaRuns.NONE.isEmpty, MediaRuns.NONE.nextRow(0)], [true, Infinity]);
});

Deno.test("embeddings are let go once", () => {
  let released = 0;
  const held = new MediaRuns([{ ...run(-2, 1), start: 0 }], work, () => released++);
  held.release();
  held.release();
  MediaRuns.NONE.release();
  assertEquals(released, 1);
});
