import * as z from "zod";
import type { Format } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { boolean, jsonObject, text } from "./fields.ts";

const FORMAT_ERROR = "must be an object whose type is text, json_object or json_schema";

const schemaFields = {
  name: text.nullish().describe("Accepted; only the schema applies"),
  description: text.nullish().describe("Accepted; only the schema applies"),
  schema: jsonObject.nullish().describe("Default: any JSON object"),
  strict: boolean.nullish()
    .describe(
      "Accepted; the schema always applies, and schemas that cannot be enforced are refused",
    ),
};

/** `response_format` of chat completions and completions. */
export const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), json_schema: z.strictObject(schemaFields) }),
], { error: FORMAT_ERROR });

/** `text.format` of responses: `response_format` with the fields of the schema beside the type. */
export const textFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), ...schemaFields }),
], { error: FORMAT_ERROR });

function fromSchema(schema: Record<string, unknown> | null | undefined): Format {
  return schema ? { type: "json_schema", schema } : { type: "json_object" };
}

/**
 * The output format of a request, from `response_format` or `grammar`.
 * @throws {ShimmyError} `invalid` when both are set.
 */
export function toFormat(
  format: z.output<typeof responseFormat> | z.output<typeof textFormat> | null | undefined,
  grammar: string | null | undefined,
): Format {
  if (typeof grammar === "string") {
    if (format && format.type !== "text") {
      throw new ShimmyError("invalid", "grammar: cannot be combined with a JSON response format", {
        field: "grammar",
      });
    }
    return { type: "grammar", source: grammar };
  }
  if (!format || format.type === "text") return { type: "text" };
  if (format.type === "json_object") return { type: "json_object" };
  return fromSchema("json_schema" in format ? format.json_schema.schema : format.schema);
}
