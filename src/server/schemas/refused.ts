import * as z from "zod";

/** A field that is known and cannot be honoured: anything but `null` is refused with the reason. */
export function refused(reason: string) {
  return z.null({ error: `is not supported: ${reason}` }).optional();
}

/** A switch that is known and can only stand where it stands anyway. */
export function only<T extends string | number | boolean>(value: T, reason: string) {
  return z.literal(value, { error: `must be ${JSON.stringify(value)}: ${reason}` }).nullish();
}
