import { assert, assertEquals } from "@std/assert";
import * as fc from "test:fast-check";
import { type ByteEdit, byteEdits, editBytes, type Field } from "./byte_edits.ts";

const FIELDS: readonly Field[] = [
  { name: "count", at: 1, size: 2 },
  { name: "beyond the end", at: 9, size: 8 },
];

const ALL = { fields: [0, 1], size: 4, structure: true };

function edited(...edits: ByteEdit[]): number[] {
  return [...editBytes(new Uint8Array([1, 2, 3, 4]), edits, FIELDS)];
}

Deno.test("a field gets a number in little-endian order", () => {
  assertEquals(edited({ op: "field", field: 0, value: "513" }), [1, 1, 2, 4]);
  assertEquals(edited({ op: "field", field: 2, value: "513" }), [1, 1, 2, 4]);
  assertEquals(edited({ op: "field", field: 0, value: String(2n ** 64n - 1n) }), [1, 255, 255, 4]);
  assertEquals(edited({ op: "field", field: 1, value: "1" }), [1, 2, 3, 4]);
});

Deno.test("bytes are replaced, inserted, removed and cut at positions that wrap around", () => {
  assertEquals(edited({ op: "bytes", at: 3, hex: "0a0b" }), [1, 2, 3, 10]);
  assertEquals(edited({ op: "insert", at: 6, hex: "0a0b" }), [1, 10, 11, 2, 3, 4]);
  assertEquals(edited({ op: "remove", at: 1, count: 2 }), [1, 4]);
  assertEquals(edited({ op: "cut", at: 2 }), [1, 2]);
  assertEquals(edited({ op: "cut", at: 0 }, { op: "bytes", at: 3, hex: "0a" }), []);
});

Deno.test("the file that is edited stays as it is", () => {
  const file = new Uint8Array([1, 2]);
  editBytes(file, [{ op: "bytes", at: 0, hex: "09" }], []);
  assertEquals([...file], [1, 2]);
});

Deno.test("the same seed gives the same edits, which survive JSON", () => {
  const sample = () => fc.sample(byteEdits(ALL), { seed: 7, numRuns: 50 });
  assertEquals(sample(), sample());
  assertEquals(JSON.parse(JSON.stringify(sample())), sample());
  const kinds = new Set(sample().flat().map(({ op }) => op));
  assert(kinds.size >= 4);
  assert(sample().every((edits) => edited(...edits).length < 64));
});

Deno.test("edits that keep the structure change chosen fields and replace bytes", () => {
  const parts = { fields: [1], size: 4, structure: false };
  const edits = fc.sample(byteEdits(parts), { seed: 7, numRuns: 50 }).flat();
  assertEquals([...new Set(edits.map(({ op }) => op))].sort(), ["bytes", "field"]);
  assert(edits.every((edit) => edit.op !== "field" || edit.field === 1));
});
