import * as z from "zod";
import { DURATION, isKeepAlive, type KeepAlive, toKeepAlive } from "../../models/entry/mod.ts";

const ERROR =
  'must be seconds as a number, or a duration such as "5m", "1h30m", "0" or "-1s", of at most ten years';

/** How long a model stays loaded after a request, in Ollama's forms; see {@linkcode keepAliveOf}. */
export const keepAlive = z.union([
  z.number({ error: ERROR }),
  z.string({ error: ERROR }).regex(DURATION, { error: ERROR }),
], { error: ERROR }).refine((value) => isKeepAlive(toKeepAlive(value)), { error: ERROR }).nullish()
  .describe("0 unloads the model after the request; a negative value keeps it loaded");

/** The `keep_alive` of a request; undefined when absent. */
export function keepAliveOf(value: z.output<typeof keepAlive>): KeepAlive | undefined {
  return value === null || value === undefined ? undefined : toKeepAlive(value);
}
