import { assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { ShimmyError } from "../errors.ts";
import { parse } from "./body.ts";

const block = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: z.string({ error: "must be text" }) }),
], { error: "must be a known block" });
const schema = z.strictObject({
  content: z.union([z.string(), z.array(block)], { error: "must be text or a list of blocks" }),
});

function message(value: unknown): string {
  return assertThrows(() => parse(schema, value), ShimmyError).message;
}

Deno.test("a union whose branches all fail at once says what it takes", () => {
  const said = message({ content: 1 });
  assertEquals(said, "content: must be text or a list of blocks");
});

Deno.test("a fault deep inside one branch of a union is named where it is", () => {
  const said = message({ content: [{ type: "text", text: 1 }] });
  assertEquals(said, "content[0].text: must be text");
});

Deno.test("an unknown field inside a branch of a union is named", () => {
  const said = message({ content: [{ type: "text", text: "a", colour: "red" }] });
  assertEquals(said, "content[0].colour: is not a known field");
});

Deno.test("an unknown discriminator inside a union is named by its path", () => {
  const said = message({ content: [{ type: "video" }] });
  assertEquals(said, "content[0].type: must be a known block");
});
