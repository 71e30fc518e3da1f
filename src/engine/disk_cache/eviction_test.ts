import { assertEquals } from "@std/assert";
import { chooseEvictions, type EvictableFile } from "./eviction.ts";

const NOW = 10_000_000;
const MINUTE = 60_000;

const file = (name: string, changes: Partial<EvictableFile> = {}): EvictableFile => ({
  ...{ name, model: "m", size: 100, computeMs: 1000, used: NOW, ...changes },
});

function evicted(
  files: readonly EvictableFile[],
  size: number,
  limits = { model: Infinity, total: 300 },
): string[] | null {
  return chooseEvictions(files, { model: "m", size }, limits, NOW);
}

Deno.test("nothing is evicted while everything fits", () => {
  assertEquals(evicted([file("a"), file("b")], 100), []);
});

Deno.test("the least recently used of equal files goes first", () => {
  const files = [
    file("new"),
    file("old", { used: NOW - 50 * MINUTE }),
    file("older", { used: NOW - 90 * MINUTE }),
  ];
  assertEquals(evicted(files, 100), ["older"]);
  assertEquals(evicted(files, 200), ["older", "old"]);
});

Deno.test("of files that were used together, the one that saves least time for its size goes first", () => {
  const files = [
    file("cheap", { computeMs: 10 }),
    file("large", { size: 150, computeMs: 1000 }),
    file("dear", { size: 50, computeMs: 5000 }),
  ];
  assertEquals(evicted(files, 90), ["cheap"]);
  assertEquals(evicted(files, 200), ["cheap", "large"]);
});

Deno.test("a small state that took long outlives a large one that is a little younger", () => {
  const files = [
    file("small", { size: 10, computeMs: 1000, used: NOW - 5 * MINUTE }),
    file("large", { size: 200, computeMs: 1000, used: NOW - MINUTE }),
  ];
  assertEquals(evicted(files, 150), ["large"]);
});

Deno.test("an unfinished file counts, and stays", () => {
  const files = [
    file("a", { isUnfinished: true, used: NOW - 50 * MINUTE }),
    file("b"),
    file("c", { used: NOW - 9 * MINUTE }),
  ];
  assertEquals(evicted(files, 100), ["c"]);
  // Beside the unfinished file, so many bytes never fit.
  assertEquals(evicted(files, 250), null);
});

Deno.test("the bound of a model evicts its own files, the bound of all evicts any", () => {
  const files = [
    file("theirs", { model: "other", used: NOW - 90 * MINUTE }),
    file("own", { used: NOW - 50 * MINUTE }),
    file("own and new"),
  ];
  assertEquals(evicted(files, 100, { model: 200, total: 1000 }), ["own"]);
  assertEquals(evicted(files, 100, { model: 200, total: 300 }), ["theirs", "own"]);
});
