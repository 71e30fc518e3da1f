import { assertEquals } from "@std/assert";
import * as z from "zod";
import { only, refused } from "../../src/server/schemas/refused.ts";
import { type Field, fieldsOf } from "./fields.ts";

/** Fields and what they hold, as rows of their path, value, treatment, note and kind. */
function rowsOf(fields: readonly Field[]): (string | undefined)[][] {
  return fields.flatMap(({ path, value, treatment, note, only, within }) => [
    [path, value, treatment, note, only],
    ...rowsOf(within),
  ]);
}

const anything = undefined;

Deno.test("fields are honoured, refused, fixed or without effect", () => {
  const body = z.strictObject({
    n: z.int().min(1).max(8).nullish().describe("How many"),
    user: z.string().nullish().describe("Accepted; nobody asks"),
    audio: refused("it is deaf"),
    images: z.array(z.unknown()).max(0, { error: "it is blind" }).nullish(),
    speed: only("standard", "there is one"),
    kind: z.literal("a").optional(),
  });
  assertEquals(rowsOf(fieldsOf(body)), [
    ["n", "whole number, 1 to 8", "honoured", "How many", anything],
    ["user", "text", "no effect", "Nobody asks", anything],
    ["audio", "", "refused", "Is not supported: it is deaf", anything],
    ["images", "", "refused", "It is blind", anything],
    ["speed", '`"standard"`', "fixed", 'Must be "standard": there is one', anything],
    ["kind", '`"a"`', "honoured", "", anything],
  ]);
});

Deno.test("fields that may not be absent are required", () => {
  const body = z.object({ a: z.string(), b: z.string().nullish(), c: z.string().optional() });
  assertEquals(fieldsOf(body).map(({ required }) => required), [true, false, false]);
});

Deno.test("what stands for an absent field is told", () => {
  const body = z.object({ scale: z.number().default(1).describe("How strong") });
  const [field] = fieldsOf(body);
  assertEquals(field?.value, "number; 1 where it is absent");
  assertEquals([field?.required, field?.note], [false, "How strong"]);
});

Deno.test("objects in lists are looked into, and kinds of objects are told apart", () => {
  const part = z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text"), text: z.string(), id: z.string() }),
    z.strictObject({ type: z.literal("call"), name: z.string(), id: z.string() }),
  ]);
  const body = z.strictObject({ parts: z.union([z.string(), z.array(part).max(3)]) });
  assertEquals(rowsOf(fieldsOf(body)), [
    ["parts", "text or list of at most 3 objects", "honoured", "", anything],
    ["parts[].type", '`"text"` or `"call"`', "honoured", "", anything],
    ["parts[].text", "text", "honoured", "", 'type `"text"`'],
    ["parts[].id", "text", "honoured", "", anything],
    ["parts[].name", "text", "honoured", "", 'type `"call"`'],
  ]);
});

Deno.test("of a field without effect only what it refuses is told", () => {
  const mark = z.strictObject({ mode: z.string(), ttl: refused("nothing lasts") })
    .describe("Accepted; marks are true by themselves");
  assertEquals(rowsOf(fieldsOf(z.object({ mark: mark.nullish() }))), [
    ["mark", "object", "no effect", "Marks are true by themselves", anything],
    ["mark.ttl", "", "refused", "Is not supported: nothing lasts", anything],
  ]);
});
