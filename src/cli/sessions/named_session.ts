import type { Config } from "../config/mod.ts";
import { defaultModel } from "./default_model.ts";
import { flag, type GlobalValues, text, UsageError } from "../options/mod.ts";
import { resolveDefaultModel, resolveDraft, resolveReference } from "../pulling/mod.ts";
import type { Environment, ModelSession } from "../environment/mod.ts";

/** The option of commands that pull a missing model. */
export const PULL_OPTIONS = {
  "yes": flag({ help: "pull a missing model without asking" }),
} as const;

/** The option that names the model, for commands whose operand NAME is optional. */
export const MODEL_OPTIONS = {
  "name": text("NAME", {
    isPath: true,
    short: "m",
    help: "model, like the argument NAME; hf:, ollama: and https: references are pulled first",
  }),
} as const;

/** The model that an option or an operand names. @throws {UsageError} when both name different ones. */
export function nameOf(
  command: string,
  option: string | null,
  operand: string | undefined,
): string | undefined {
  if (option !== null && operand !== undefined && option !== operand) {
    throw new UsageError(`${command}: two models are named, '${operand}' and '${option}'`);
  }
  return operand ?? option ?? undefined;
}

/** Options of a session for one model. */
export interface NamedModelRequest {
  /** The model as it was typed: a name, a path or a reference. `undefined`: the default model. */
  readonly asked: string | undefined;
  /** The value of `--yes`: pull without asking. */
  readonly yes: boolean;
  /** Whether the command reads stdin for something else, so that it cannot ask there. */
  readonly isStdinUsed?: boolean;
  readonly globals: GlobalValues;
  readonly config: Config | null;
  /** Sequences that run in parallel. @default {1} */
  readonly parallel?: number;
  /** Whether they share the memory of one context. @default {false} */
  readonly sharesOneContext?: boolean;
  /** Run the model in its own process. @default {false} */
  readonly isolate?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Opens a session for one model. If the model or the draft model is a reference such as
 * `hf:owner/repo` to a missing model, the model is pulled first: with `--yes`, or after the user at the
 * terminal has confirmed.
 *
 * @throws {ShimmyError} `invalid`, when the user cannot be asked or declines.
 */
export async function openNamedModel(
  environment: Environment,
  request: NamedModelRequest,
): Promise<ModelSession> {
  const { asked, yes, isStdinUsed = false, config, parallel = 1, isolate = false } = request;
  const { signal, sharesOneContext = false } = request;
  const consent = { yes, isStdinUsed };
  const pulling = { signal, withProjector: !request.globals["no-mmproj"] };
  const pulled = await resolveReference(environment, asked, consent, pulling);
  const named = pulled?.named ?? asked;
  const base = named === undefined
    ? await resolveDefaultModel(environment, defaultModel(environment, config), consent, pulling)
    : {};
  const globals = await resolveDraft(environment, request.globals, consent, { signal });
  return await environment.openModelSession({
    ...base,
    globals,
    config,
    named,
    parallel,
    sharesOneContext,
    isolate,
    paths: "any",
  });
}
