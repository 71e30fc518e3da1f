import { deadline } from "@std/async/deadline";
import type { Engine } from "../../engine/mod.ts";
import type { EngineStatus } from "../../engine/protocol/mod.ts";

/** Milliseconds to wait for the status of an engine. */
const STATUS_TIMEOUT = 2_000;

/**
 * The status of an engine; null after a timeout. An engine that is busy in native code must not delay
 * the figures of other engines.
 */
export async function engineStatus(engine: Pick<Engine, "status">): Promise<EngineStatus | null> {
  try {
    return await deadline(engine.status(), STATUS_TIMEOUT);
  } catch {
    return null;
  }
}
