import { assertEquals } from "@std/assert";
import * as z from "zod";
import { plainMessage } from "./plain_message.ts";

/** The message of the issue that a schema has with a value. */
function messageOf(schema: z.ZodType, value: unknown): string {
  return schema.safeParse(value, { error: plainMessage }).error!.issues[0]!.message;
}

Deno.test("issues without a message of their own say what a field must be", () => {
  assertEquals(messageOf(z.object({}), []), "must be an object, not a list");
  assertEquals(messageOf(z.string(), 1), "must be a text, not a number");
  assertEquals(messageOf(z.boolean(), null), "must be a boolean, not null");
  assertEquals(messageOf(z.int(), 1.5), "must be a whole number, not a number");
  assertEquals(messageOf(z.enum(["a", "b"]), "c"), 'must be one of "a", "b"');
  assertEquals(messageOf(z.literal("a"), "c"), 'must be "a"');
  assertEquals(messageOf(z.number().max(3), 4), "must be at most 3");
  assertEquals(messageOf(z.number().min(3), 2), "must be at least 3");
  assertEquals(messageOf(z.array(z.any()).max(1), [1, 2]), "must have at most 1 items");
  assertEquals(messageOf(z.string().min(2), "a"), "must have at least 2 characters");
});

Deno.test("messages of schemas stay as they are", () => {
  assertEquals(messageOf(z.string({ error: "must be text" }), 1), "must be text");
  assertEquals(messageOf(z.union([z.string(), z.boolean()]), 1), "Invalid input");
});
