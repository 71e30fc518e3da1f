import { isReference } from "../models/pull/mod.ts";
import { modelStore } from "./model_store.ts";
import { type Asking, ensurePulled, type PullingOptions } from "./pulling.ts";
import type { World } from "./world.ts";

/** How a session finds a model that was pulled. */
export interface Named {
  /** A name or a path. */
  readonly named: string;
  /** Whether it is the name of one that discovery finds, and not a path. */
  readonly byName: boolean;
}

/**
 * Pulls the model that a command was given where it is a reference; `null` where it is a name, a path
 * or nothing.
 *
 * @throws {ShimmyError} What `ensurePulled` throws.
 */
export async function pullNamed(
  world: World,
  asked: string | undefined,
  asking: Asking,
  options: PullingOptions,
): Promise<Named | null> {
  if (asked === undefined || !isReference(asked)) return null;
  const model = await ensurePulled(world, modelStore(world), asked, asking, options);
  // Of what lies in Ollama's store, the name leads to more than the path: adapters and templates.
  const byName = /^ollama:/i.test(asked);
  return { named: byName ? model.name : model.paths[0]!, byName };
}
