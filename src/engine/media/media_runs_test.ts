import { assertEquals, assertThrows } from "@std/assert";
import { type MediaRun, MediaRuns } from "./media_runs.ts";

const work = { begun: 0, ms: 0 };

/** A run of rows with two values each, which are the index of the row and a number. */
function run(number: number, rows: number, changes: Partial<MediaRun> = {}): MediaRun {
  const values = Array.from({ length: rows }, (_, row) => [row, number]).flat();
  const embeddings = new Float32Array(values);
  return { rows, positions: rows, isWhole: false, grid: null, embeddings, ...changes };
}

const tokens = [1, -2, -4, -6, 5, 6, -10, -12, 7];
const runs = new MediaRuns(
  [{ ...run(8, 3), start: 1 }, { ...run(9, 2, { isWhole: true }), start: 6 }],
  work,
);

Deno.test("rows are where their numbers are in the prompt", () => {
  const rows = tokens.map((_, index) => runs.isRow(index));
  assertEquals(rows, tokens.map((token) => token < 0));
  assertEquals([0, 1, 4, 5, 6, 7, 8].map((at) => runs.nextRow(at)), [1, 1, 6, 6, 6, 7, Infinity]);
});

Deno.test("the same image twice in a prompt has its rows at both places", () => {
  const twice = new MediaRuns(
    [{ ...run(8, 2), start: 0 }, { ...run(8, 2), start: 3 }],
    work,
  );
  assertEquals([twice.nextRow(0), twice.nextRow(2)], [0, 3]);
  assertEquals([...twice.rowsAt(4, 8).embeddings], [1, 8]);
});

Deno.test("rows are taken up to the limit", () => {
  const { rows, embeddings, positions } = runs.rowsAt(2, 1);
  assertEquals([rows, [...embeddings], [...positions]], [1, [1, 8], [2]]);
  assertEquals(runs.rowsAt(2, 8).rows, 2);
});

Deno.test("rows that attend to each other are taken whole", () => {
  assertEquals(runs.rowsAt(6, 1).rows, 2);
});

Deno.test("there are no rows where tokens are", () => {
  assertThrows(() => runs.rowsAt(4, 1), RangeError);
  assertEquals([MediaRuns.NONE.isEmpty, MediaRuns.NONE.nextRow(0)], [true, Infinity]);
});

Deno.test("with M-RoPE an image takes fewer positions than rows", () => {
  // Two lines of three rows: time, line, column, and a dimension that does not move.
  const grid = (start: number) =>
    new Int32Array([
      ...Array(6).fill(start),
      ...[0, 0, 0, 1, 1, 1].map((line) => start + line),
      ...[0, 1, 2, 0, 1, 2].map((column) => start + column),
      ...Array(6).fill(7),
    ]);
  const image = run(8, 6, { positions: 3, grid: [grid(0), grid(1)] });
  const placed = new MediaRuns([{ ...image, start: 2 }, { ...image, start: 10 }], work);
  assertEquals([0, 2, 3, 7, 8, 9, 10, 15, 16].map((at) => placed.positionAt(at)), [
    ...[0, 2, 2, 2, 5, 6, 7, 7, 10],
  ]);
  assertEquals([...placed.rowsAt(12, 2).positions], [7, 7, 7, 8, 9, 7, 7, 7]);
  assertEquals(placed.rowsAt(2, 8).positions, grid(2));
});

Deno.test("embeddings are let go once", () => {
  let released = 0;
  const held = new MediaRuns([{ ...run(8, 1), start: 0 }], work, () => released++);
  held.release();
  held.release();
  MediaRuns.NONE.release();
  assertEquals(released, 1);
});
