import { assertEquals } from "@std/assert";
import type { KvStream } from "./cached_prefix.ts";
import { SharedCells } from "./shared_cells.ts";

function stream(id: number, tokens: number): KvStream {
  return {
    ...{ id, tokens: Array.from({ length: tokens }, () => 0), scope: "", busy: true },
    ...{ lastUsed: 0, checkpoints: [], planned: [] },
  };
}

Deno.test("a prompt has room beside what the running sequences will need", () => {
  const cells = new SharedCells();
  // Alone, a prompt of any length is admitted.
  assertEquals(cells.haveRoomFor(2000, 1000), true);
  const [prefilling, answering] = [stream(0, 10), stream(1, 300)];
  cells.add(prefilling, 400, 0);
  assertEquals([cells.haveRoomFor(500, 1000), cells.haveRoomFor(600, 1000)], [true, false]);
  // An answer has grown beyond its prompt.
  cells.add(answering, 200, 0);
  assertEquals([cells.haveRoomFor(230, 1000), cells.haveRoomFor(240, 1000)], [true, false]);
  cells.remove(answering);
  assertEquals(cells.haveRoomFor(500, 1000), true);
});

Deno.test("cells that sequences share count once", () => {
  const cells = new SharedCells();
  cells.add(stream(0, 400), 400, 0);
  for (const id of [1, 2, 3]) cells.add(stream(id, 400), 420, 380);
  assertEquals([cells.haveRoomFor(400, 1000), cells.haveRoomFor(430, 1000)], [true, false]);
});
