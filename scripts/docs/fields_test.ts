import { assertEquals } from "@std/assert";
import * as z from "zod";
import { fixed, unsupported } from "../../src/server/schemas/unsupported.ts";
import { type Field, fieldsOf } from "./fields.ts";

/** Fields and their nested fields as rows of path, value, treatment, note and variant. */
function rowsOf(fields: readonly Field[]): (string | undefined)[][] {
  return fields.flatMap(({ path, value, treatment, note, only, within }) => [
    [path, value, treatment, note, only],
    ...rowsOf(within),
  ]);
}

const anything = undefined;

Deno.test("a field is supported, refused, fixed or ignored", () => {
  const body = z.strictObject({
    n: z.int().min(1).max(8).nullish().describe("How many"),
    user: z.string().nullish().describe("Accepted; nobody asks"),
    audio: unsupported("it is deaf"),
    images: z.array(z.unknown()).max(0, { error: "it is blind" }).nullish(),
    speed: fixed("standard", "there is one"),
    kind: z.literal("a").optional(),
  });
  assertEquals(rowsOf(fieldsOf(body)), [
    ["n", "integer, 1 to 8", "supported", "How many", anything],
    ["user", "string", "ignored", "Nobody asks", anything],
    ["audio", "", "refused", "Is not supported: it is deaf", anything],
    ["images", "", "refused", "It is blind", anything],
    ["speed", '`"standard"`', "fixed", 'Must be "standard": there is one', anything],
    ["kind", '`"a"`', "supported", "", anything],
  ]);
});

Deno.test("a field that must be present is required", () => {
  const body = z.object({ a: z.string(), b: z.string().nullish(), c: z.string().optional() });
  assertEquals(fieldsOf(body).map(({ required }) => required), [true, false, false]);
});

Deno.test("the default of a field is shown", () => {
  const body = z.object({ scale: z.number().default(1).describe("How strong") });
  const [field] = fieldsOf(body);
  assertEquals(field?.value, "number; default 1");
  assertEquals([field?.required, field?.note], [false, "How strong"]);
});

Deno.test("objects in arrays have rows, and a field of one variant names it", () => {
  const part = z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("text"), text: z.string(), id: z.string() }),
    z.strictObject({ type: z.literal("call"), name: z.string(), id: z.string() }),
  ]);
  const body = z.strictObject({ parts: z.union([z.string(), z.array(part).max(3)]) });
  assertEquals(rowsOf(fieldsOf(body)), [
    ["parts", "string or array of at most 3 objects", "supported", "", anything],
    ["parts[].type", '`"text"` or `"call"`', "supported", "", anything],
    ["parts[].text", "string", "supported", "", 'type `"text"`'],
    ["parts[].id", "string", "supported", "", anything],
    ["parts[].name", "string", "supported", "", 'type `"call"`'],
  ]);
});

Deno.test("an ignored field shows only its refused fields", () => {
  const mark = z.strictObject({ mode: z.string(), ttl: unsupported("nothing lasts") })
    .describe("Accepted; marks are true by themselves");
  assertEquals(rowsOf(fieldsOf(z.object({ mark: mark.nullish() }))), [
    ["mark", "object", "ignored", "Marks are true by themselves", anything],
    ["mark.ttl", "", "refused", "Is not supported: nothing lasts", anything],
  ]);
});
