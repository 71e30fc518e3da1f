import { assertEquals } from "@std/assert";
import * as z from "zod";
import { fieldNamesAt, ignored, ignoredAt, visitIgnored } from "./ignored_values.ts";

const text = z.string();

const schema = z.strictObject({
  tier: ignored(z.literal("auto"), "there is one tier"),
  modes: z.array(text).nullish().describe("Accepted; there is one mode"),
  items: z.array(z.union([
    text,
    z.strictObject({ type: z.literal("a"), id: ignored(text, "unused"), name: text }),
    z.strictObject({ type: z.literal("b"), id: text, name: ignored(text, "unused") }),
    z.strictObject({ type: z.literal("c"), note: ignored(text, "unused") }),
  ])),
  free: z.record(text, z.unknown()).nullish(),
});

function reported(value: unknown): string[] {
  const paths: string[] = [];
  visitIgnored(schema, value, (path) => paths.push(path.join(".")));
  return paths;
}

Deno.test("fields without effect are reported when they are set", () => {
  assertEquals(reported({ tier: "auto", modes: ["x"], items: ["x", { type: "c", note: "n" }] }), [
    "tier",
    "modes",
    "items.0.note",
  ]);
  assertEquals(reported({ tier: null, items: [{ type: "c" }], free: { tier: 1 } }), []);
  for (const value of [null, 1, "x", [], [{ tier: 1 }]]) assertEquals(reported(value), []);
});

Deno.test("a field that has an effect in one variant is not reported", () => {
  assertEquals(
    reported({ items: [{ type: "a", id: "1", name: "n" }, { type: "b", id: "2" }] }),
    [],
  );
});

Deno.test("the path of an issue leads to the field that accepts any value", () => {
  assertEquals(ignoredAt(schema, ["tier"]), ["tier"]);
  assertEquals(ignoredAt(schema, ["tier", "deep", 1]), ["tier"]);
  assertEquals(ignoredAt(schema, ["items", 3, "note"]), ["items", 3, "note"]);
  for (const path of [[], ["modes"], ["items", 0, "id"], ["free", "tier"], ["other"]]) {
    assertEquals(ignoredAt(schema, path), null);
  }
});

Deno.test("the names of fields at a path are those of all variants", () => {
  assertEquals(fieldNamesAt(schema, []), ["tier", "modes", "items", "free"]);
  assertEquals(fieldNamesAt(schema, ["items", 0]), ["type", "id", "name", "note"]);
  assertEquals(fieldNamesAt(schema, ["free", "x"]), []);
});
