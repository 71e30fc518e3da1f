import { isReference } from "../../models/pull/mod.ts";
import type { GlobalValues } from "../options/mod.ts";
import { modelStore } from "./model_store.ts";
import { type Asking, ensurePulled, type PullingOptions } from "./pull.ts";
import type { SessionRequest, World } from "../environment/mod.ts";

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

/**
 * The default model as a session takes it, pulled first where it is a reference.
 *
 * @throws {ShimmyError} What `ensurePulled` throws.
 */
export async function pullBase(
  world: World,
  base: string | undefined,
  asking: Asking,
  options: PullingOptions,
): Promise<Pick<SessionRequest, "base" | "preferred">> {
  const pulled = await pullNamed(world, base, asking, options);
  if (pulled === null) return { base };
  return pulled.byName ? { preferred: pulled.named } : { base: pulled.named };
}

/**
 * The options with the model that drafts by a name or a path, pulled first where it is a reference.
 *
 * @throws {ShimmyError} What `ensurePulled` throws.
 */
export async function pullDraft(
  world: World,
  globals: GlobalValues,
  asking: Asking,
  options: PullingOptions,
): Promise<GlobalValues> {
  const pulled = await pullNamed(world, globals.draft ?? undefined, asking, options);
  return pulled === null ? globals : { ...globals, draft: pulled.named };
}
