import { ShimmyError } from "../../errors.ts";
import {
  missingBytes,
  type ModelStore,
  type PulledModel,
  type PullPlan,
} from "../../models/pull/mod.ts";
import { bytes } from "../output/mod.ts";
import { PullProgress } from "./pull_progress.ts";
import type { Environment } from "../environment/mod.ts";

/** Options of a pull. */
export interface PullingOptions {
  readonly connections?: number | undefined;
  /** Whether the model's projector is pulled too. @default {true} */
  readonly withProjector?: boolean;
  readonly signal: AbortSignal;
  /** Receives messages for the user. @default {Output.note} */
  readonly notify?: ((line: string) => void) | undefined;
}

/**
 * Pulls the missing files of a plan. Shows a progress bar on a terminal, otherwise a line from time to
 * time. A cancelled pull says how to continue.
 */
export async function pullWithProgress(
  environment: Environment,
  store: ModelStore,
  plan: PullPlan,
  { connections, signal, notify = (line) => environment.output.note(line) }: PullingOptions,
): Promise<PulledModel> {
  const progress = new PullProgress(plan, environment.output, notify);
  try {
    return await store.pull(plan, {
      connections,
      signal,
      onEvent: (event) => progress.update(event),
    });
  } catch (error) {
    environment.output.progress(null);
    if (error instanceof ShimmyError && error.kind === "cancelled") {
      notify(`The downloaded part of ${plan.reference} is kept; pull again to continue`);
    }
    throw error;
  } finally {
    environment.output.progress(null);
  }
}

/** How the user's consent is obtained. */
export interface Consent {
  /** The value of `--yes`: the user has agreed beforehand. */
  readonly yes: boolean;
  /** Whether stdin is read for something else, so that the user cannot be asked. */
  readonly isStdinUsed?: boolean;
}

/** Asks the user to confirm; `null` when the user cannot be asked. */
export async function confirm(
  { input, output }: Environment,
  question: string,
  { yes, isStdinUsed = false }: Consent,
): Promise<boolean | null> {
  if (yes) return true;
  if (isStdinUsed || !input.isTerminal) return null;
  output.alert(`${question} [y/N]`);
  return /^\s*y(?:es)?\s*$/i.test(await input.line() ?? "");
}

/**
 * The model of a reference. A missing model is pulled after the user has confirmed.
 *
 * @throws {ShimmyError} `invalid`, when the user cannot be asked or declines.
 */
export async function findOrPull(
  environment: Environment,
  store: ModelStore,
  reference: string,
  consent: Consent,
  options: PullingOptions,
): Promise<PulledModel> {
  const found = await store.find(reference);
  if (found !== null) return found;
  const { withProjector = true, signal } = options;
  const plan = await store.plan(reference, { withProjector, signal });
  const missing = missingBytes(plan);
  // Another program may have downloaded all files; then nothing needs a confirmation.
  if (missing !== 0) {
    const size = missing === null ? "unknown size" : bytes(missing);
    const what = `${plan.reference} is not downloaded: ${size} from ${plan.from}`;
    const answer = await confirm(environment, `${what}. Pull it?`, consent);
    if (answer === null) {
      throw new ShimmyError("invalid", `${what}; use --yes or shimmy pull to download it`);
    }
    if (!answer) throw new ShimmyError("invalid", `${plan.reference} was not pulled`);
  }
  return await pullWithProgress(environment, store, plan, options);
}
