import { assertEquals } from "@std/assert";
import { buildGguf } from "../../models/build_gguf.ts";
import { TINY } from "../../support/engine.ts";
import { ggufFields } from "./gguf_fields.ts";

Deno.test("the fields of a file are its numbers, at their places", () => {
  const bytes = buildGguf({
    metadata: { "a": 7, "b": "text", "c": ["x", "yz"] },
    tensors: [{ name: "t", shape: [4, 2], offset: 32 }],
    weights: 64,
  });
  const view = new DataView(bytes.buffer);
  const values = ggufFields(bytes).map(({ name, at, size }) => [
    name,
    size === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true),
  ]);
  assertEquals(values, [
    ["version", 3],
    ["tensors", 1],
    ["keys", 3],
    ["key 0: length", 1],
    ["key 0: type", 4],
    ["key 0", 7],
    ["key 1: length", 1],
    ["key 1: type", 8],
    ["key 1: length", 4],
    ["key 2: length", 1],
    ["key 2: type", 9],
    ["key 2: element type", 8],
    ["key 2: count", 2],
    ["key 2[0]: length", 1],
    ["key 2[1]: length", 2],
    ["tensor 0: length", 1],
    ["tensor 0: dimensions", 2],
    ["tensor 0: dimension 0", 4],
    ["tensor 0: dimension 1", 2],
    ["tensor 0: type", 0],
    ["tensor 0: offset", 32],
  ]);
});

Deno.test("the built-in model's header is walked to its end", () => {
  const bytes = Deno.readFileSync(TINY);
  const fields = ggufFields(bytes);
  const tensors = Number(new DataView(bytes.buffer).getBigUint64(8, true));
  assertEquals(fields.filter(({ name }) => name.endsWith(": offset")).length, tensors);
});
