import type * as z from "zod";
import { ShimmyError } from "../../../../errors.ts";
import { type Exchange, readOptionalJson } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";

/**
 * The body of a request; see {@linkcode parseBody}.
 * @throws {ShimmyError} `invalid`.
 */
export async function readBody<T extends z.ZodType>(
  exchange: Exchange,
  schema: T,
): Promise<z.output<T>> {
  return parseBody(exchange, schema, await readOptionalJson(exchange));
}

/**
 * Validates the JSON of a body. Unknown fields are ignored and reported, and `null` counts as absent.
 * Clients compare the sentences for an absent body and an absent model, so they are those of Ollama.
 *
 * @throws {ShimmyError} `invalid`.
 */
export function parseBody<T extends z.ZodType>(
  exchange: Exchange,
  schema: T,
  value: unknown,
): z.output<T> {
  if (value === undefined) throw new ShimmyError("invalid", "missing request body");
  if (namesModel(schema) && isModelAbsent(value)) {
    throw new ShimmyError("invalid", "model is required", { field: "model" });
  }
  return parseLenient(exchange, schema, value);
}

function namesModel(schema: z.ZodType): boolean {
  return "shape" in schema && Object.hasOwn(schema.shape as object, "model");
}

function isModelAbsent(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { model, name } = value as { readonly model?: unknown; readonly name?: unknown };
  const isEmpty = (given: unknown) => given === undefined || given === null || given === "";
  return isEmpty(model) && isEmpty(name);
}
