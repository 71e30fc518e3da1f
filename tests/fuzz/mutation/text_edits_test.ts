import { assert, assertEquals } from "@std/assert";
import * as fc from "test:fast-check";
import { editText, textEdits } from "./text_edits.ts";

Deno.test("an edit removes and inserts at its position, which wraps around", () => {
  const insert = (at: number) => editText("abc", [{ at, remove: 1, insert: "X", times: 2 }]);
  assertEquals(insert(1), "aXXc");
  assertEquals(insert(3), "abcXX");
  assertEquals(insert(4), "XXbc");
});

Deno.test("a part of the text can be inserted", () => {
  const edit = { at: 3, remove: 0, insert: { from: 1, length: 2 }, times: 1 };
  assertEquals(editText("abc", [edit]), "abcbc");
});

Deno.test("edited texts stay below a length", () => {
  const edit = { at: 0, remove: 0, insert: "abcdefgh", times: 100_000 };
  assert(editText("", [edit, edit, edit]).length <= 400_000);
});

Deno.test("the same seed gives the same edits, which survive JSON", () => {
  const sample = () => fc.sample(textEdits(["::=", "|"]), { seed: 7, numRuns: 50 });
  assertEquals(sample(), sample());
  assertEquals(JSON.parse(JSON.stringify(sample())), sample());
  const texts = new Set(sample().map((edits) => editText('root ::= "a"', edits)));
  assert(texts.size > 25);
});
