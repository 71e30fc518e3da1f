import { deadline } from "@std/async/deadline";
import type { Engine } from "../../engine/mod.ts";
import type { EngineStatus } from "../../engine/protocol/mod.ts";

/** Milliseconds an engine has to tell its status. */
const STATUS_MS = 2_000;

/**
 * An engine's counts; null where it does not tell them in time. One deep in native code must not keep
 * whoever asks from the others' figures.
 */
export async function statusOf(engine: Pick<Engine, "status">): Promise<EngineStatus | null> {
  try {
    return await deadline(engine.status(), STATUS_MS);
  } catch {
    return null;
  }
}
