import { isReference } from "../../models/pull/mod.ts";
import type { GlobalValues } from "../options/mod.ts";
import { modelStore } from "./model_store.ts";
import { type Consent, findOrPull, type PullingOptions } from "./pull.ts";
import type { Environment, ModelSessionRequest } from "../environment/mod.ts";

/** A pulled model as a session finds it. */
export interface ResolvedReference {
  /** A name or a path. */
  readonly named: string;
  /** Whether `named` is the name of a discovered model, and not a path. */
  readonly byName: boolean;
}

/**
 * Pulls the requested model if it is a reference. `null` for a name, a path or `undefined`.
 *
 * @throws {ShimmyError} as `findOrPull` does.
 */
export async function resolveReference(
  environment: Environment,
  asked: string | undefined,
  consent: Consent,
  options: PullingOptions,
): Promise<ResolvedReference | null> {
  if (asked === undefined || !isReference(asked)) return null;
  const model = await findOrPull(environment, modelStore(environment), asked, consent, options);
  // A name in Ollama's store also selects adapters and the template; a path selects only the weights.
  const byName = /^ollama:/i.test(asked);
  return { named: byName ? model.name : model.paths[0]!, byName };
}

/**
 * The default model for a session request. A reference is pulled first.
 *
 * @throws {ShimmyError} as `findOrPull` does.
 */
export async function resolveDefaultModel(
  environment: Environment,
  base: string | undefined,
  consent: Consent,
  options: PullingOptions,
): Promise<Pick<ModelSessionRequest, "base" | "preferred">> {
  const pulled = await resolveReference(environment, base, consent, options);
  if (pulled === null) return { base };
  return pulled.byName ? { preferred: pulled.named } : { base: pulled.named };
}

/**
 * The global options with the draft model as a name or a path. A reference is pulled first.
 *
 * @throws {ShimmyError} as `findOrPull` does.
 */
export async function resolveDraft(
  environment: Environment,
  globals: GlobalValues,
  consent: Consent,
  options: PullingOptions,
): Promise<GlobalValues> {
  const pulled = await resolveReference(environment, globals.draft ?? undefined, consent, {
    ...options,
    withProjector: false,
  });
  return pulled === null ? globals : { ...globals, draft: pulled.named };
}
