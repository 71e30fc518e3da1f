import type { Config } from "../config/mod.ts";
import { defaultModel } from "./default_model.ts";
import { flag, type GlobalValues } from "../options/mod.ts";
import { pullBase, pullDraft, pullNamed } from "../pulling/mod.ts";
import type { Session, World } from "../environment/mod.ts";

/** The option of commands whose model may be a reference to one that is not here. */
export const PULL_OPTIONS = {
  "yes": flag({ help: "pull a model that is not here without asking" }),
} as const;

/** What a command that is about one model says about itself. */
export interface NamedRequest {
  /** The model, as it was typed: a name, a path or a reference; without one, the default model. */
  readonly asked: string | undefined;
  /** Told not to ask: `--yes`. */
  readonly yes: boolean;
  /** Where stdin is for something else. */
  readonly mute?: boolean;
  readonly globals: GlobalValues;
  readonly config: Config | null;
  /** Sequences that may run at once. @default {1} */
  readonly parallel?: number;
  readonly signal: AbortSignal;
}

/**
 * Opens a session for one model. Where that, or the one that drafts for it, is a reference such as
 * `hf:owner/repo` to a model that is not here, it is pulled first: told to by `--yes`, or when the user
 * at the terminal agrees.
 *
 * @throws {ShimmyError} `invalid`, where nobody can be asked; `cancelled`, where the user says no.
 */
export async function openNamed(world: World, request: NamedRequest): Promise<Session> {
  const { asked, yes, mute = false, config, parallel = 1, signal } = request;
  const asking = { yes, mute };
  const pulled = await pullNamed(world, asked, asking, { signal });
  const named = pulled?.named ?? asked;
  const base = named === undefined
    ? await pullBase(world, defaultModel(world, config), asking, { signal })
    : {};
  const globals = await pullDraft(world, request.globals, asking, { signal });
  return await world.openSession({ ...base, globals, config, named, parallel, paths: "any" });
}
