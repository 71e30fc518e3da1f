import { assert, assertEquals } from "@std/assert";
import * as fc from "test:fast-check";
import { editJson, type JsonEdit, jsonEdits } from "./json_edits.ts";

/** Its nodes are the object, the list, its item, and the text. */
const VALUE = { list: [1], text: "a" };

function edited(...edits: JsonEdit[]) {
  return editJson(VALUE, edits);
}

Deno.test("a node is replaced, deleted or copied; its number wraps around", () => {
  assertEquals(edited({ op: "replace", at: 2, value: null }), { list: [null], text: "a" });
  assertEquals(edited({ op: "replace", at: 6, value: null }), { list: [null], text: "a" });
  assertEquals(edited({ op: "replace", at: 0, value: 5 }), 5);
  assertEquals(edited({ op: "delete", at: 2 }), { list: [], text: "a" });
  assertEquals(edited({ op: "delete", at: 3 }), { list: [1] });
  assertEquals(edited({ op: "delete", at: 0 }), VALUE);
  assertEquals(edited({ op: "copy", at: 3, from: 1 }), { list: [1], text: [1] });
});

Deno.test("members get other names, and objects more members", () => {
  assertEquals(edited({ op: "rename", at: 3, key: "b" }), { list: [1], b: "a" });
  assertEquals(edited({ op: "rename", at: 2, key: "b" }), VALUE);
  assertEquals(edited({ op: "add", at: 0, key: "b", value: 2 }), { ...VALUE, b: 2 });
  assertEquals(edited({ op: "add", at: 3, key: "b", value: 2 }), {
    list: [1],
    text: { value: "a", b: 2 },
  });
  const text = JSON.stringify(edited({ op: "add", at: 0, key: "__proto__", value: 1 }));
  assertEquals(text, '{"list":[1],"text":"a","__proto__":1}');
});

Deno.test("values nest and repeat", () => {
  assertEquals(edited({ op: "nest", at: 2, depth: 2, key: null }), { list: [[[1]]], text: "a" });
  assertEquals(edited({ op: "nest", at: 3, depth: 1, key: "b" }), { list: [1], text: { b: "a" } });
  assertEquals(edited({ op: "repeat", at: 3, times: 3 }), { list: [1], text: "aaa" });
  assertEquals(edited({ op: "repeat", at: 1, times: 2 }), { list: [[1], [1]], text: "a" });
});

Deno.test("the value that is edited stays as it is", () => {
  edited({ op: "replace", at: 2, value: null });
  assertEquals(VALUE, { list: [1], text: "a" });
});

Deno.test("the same seed gives the same edits, which survive JSON", () => {
  const sample = () => fc.sample(jsonEdits(["a", "b"]), { seed: 7, numRuns: 100 });
  const text = JSON.stringify(sample());
  assertEquals(text, JSON.stringify(sample()));
  assertEquals(JSON.stringify(JSON.parse(text)), text);
  const values = new Set(sample().map((edits) => JSON.stringify(edited(...edits))));
  assert(values.size > 50);
});
