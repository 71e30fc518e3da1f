import * as z from "zod";
import type { Format } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { boolean, jsonObject, text } from "./fields.ts";

const FORMAT_ERROR = "must be an object whose type is text, json_object or json_schema";

const schemaFields = {
  name: text.nullish().describe("Accepted; the schema alone binds"),
  description: text.nullish().describe("Accepted; the schema alone binds"),
  schema: jsonObject.nullish().describe("Without one, any JSON object will do"),
  strict: boolean.nullish()
    .describe("Accepted; a schema always binds, and what a grammar cannot hold is refused"),
};

/** `response_format` of chat completions and completions. */
export const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), json_schema: z.strictObject(schemaFields) }),
], { error: FORMAT_ERROR });

/** `text.format` of responses: the same with the schema's fields beside the type. */
export const textFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), ...schemaFields }),
], { error: FORMAT_ERROR });

function fromSchema(schema: Record<string, unknown> | null | undefined): Format {
  return schema ? { type: "json_schema", schema } : { type: "json_object" };
}

/**
 * The format a request asks for, by `response_format` or by a grammar of its own.
 * @throws {ShimmyError} `invalid` when it asks for both.
 */
export function toFormat(
  format: z.output<typeof responseFormat> | z.output<typeof textFormat> | null | undefined,
  grammar: string | null | undefined,
): Format {
  if (typeof grammar === "string") {
    if (format && format.type !== "text") {
      throw new ShimmyError("invalid", "grammar: cannot be set beside a JSON response format", {
        field: "grammar",
      });
    }
    return { type: "grammar", source: grammar };
  }
  if (!format || format.type === "text") return { type: "text" };
  if (format.type === "json_object") return { type: "json_object" };
  return fromSchema("json_schema" in format ? format.json_schema.schema : format.schema);
}
