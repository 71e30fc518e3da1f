import * as z from "zod";
import type { Engine } from "../../../engine/face.ts";
import type { ModelEntry } from "../../../models/entry.ts";
import type { ModelPool } from "../../../models/pool.ts";

/** A duration as Go writes it, e.g. `1h30m` (https://pkg.go.dev/time#ParseDuration). */
const DURATION = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

const ERROR = 'must be seconds as a number, or a duration such as "5m", "1h30m", "0" or "-1s"';

/**
 * How long a model stays loaded after a request. Nothing is unloaded for being idle, so that every
 * duration is kept; only 0 changes something: the model goes once the answer is there.
 */
export const keepAlive = z.union([
  z.number({ error: ERROR }),
  z.string({ error: ERROR }).regex(DURATION, { error: ERROR }),
], { error: ERROR }).nullish().describe("0 unloads the model after the answer");

/** True when a request wants its model unloaded once it is answered. */
export function unloadsAfter(value: z.output<typeof keepAlive>): boolean {
  if (value === null || value === undefined) return false;
  if (typeof value === "number") return value === 0;
  return !/[1-9]/.test(value);
}

/**
 * Unloads a model unless somebody else's answer is still being made: the last one to finish decides,
 * as with Ollama.
 */
export async function unloadIdle(
  pool: ModelPool,
  entry: ModelEntry,
  engine: Engine,
): Promise<void> {
  const { running, prefilling, queued } = await engine.status();
  if (running + prefilling + queued === 0) await pool.unload(entry);
}
