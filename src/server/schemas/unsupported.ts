import * as z from "zod";
import { ignored } from "./ignored_values.ts";

/** A field that is known and not supported: any value except `null` is rejected with the reason. */
export function unsupported(reason: string) {
  return z.null({ error: `is not supported: ${reason}` }).optional();
}

/** A field that accepts only the value that describes what the server always does. */
export function fixed<T extends string | number | boolean>(value: T, reason: string) {
  return z.literal(value, { error: `must be ${JSON.stringify(value)}: ${reason}` }).nullish();
}

/** A field that has no effect, with the value that describes what the server does. */
export function withoutEffect<T extends string | number | boolean>(value: T, reason: string) {
  return ignored(fixed(value, reason), reason);
}
