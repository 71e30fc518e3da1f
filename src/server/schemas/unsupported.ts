import * as z from "zod";

/** A field that is known and not supported: any value except `null` is rejected with the reason. */
export function unsupported(reason: string) {
  return z.null({ error: `is not supported: ${reason}` }).optional();
}

/** A field that accepts only the value that describes what the server always does. */
export function fixed<T extends string | number | boolean>(value: T, reason: string) {
  return z.literal(value, { error: `must be ${JSON.stringify(value)}: ${reason}` }).nullish();
}

/**
 * A field that has no effect. The schema describes the values that its API has; other values are ignored
 * too, except in strict mode.
 */
export function ignored<T extends z.ZodType>(schema: T, reason: string) {
  return schema.nullish().describe(`Ignored: ${reason}`);
}
