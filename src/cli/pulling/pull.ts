import { ShimmyError } from "../../errors.ts";
import {
  missingBytes,
  type ModelStore,
  type PulledModel,
  type PullPlan,
} from "../../models/pull/mod.ts";
import { bytes } from "../output/mod.ts";
import { PullProgress } from "./pull_progress.ts";
import type { World } from "../environment/mod.ts";

/** How a command pulls. */
export interface PullingOptions {
  readonly connections?: number | undefined;
  readonly signal: AbortSignal;
  /** Takes lines for the user; stderr unless given. */
  readonly say?: ((line: string) => void) | undefined;
}

/**
 * Pulls what a plan lacks and shows how far it is: a bar on a terminal, else a line now and then. What
 * is cancelled says how to go on.
 */
export async function pullShown(
  world: World,
  store: ModelStore,
  plan: PullPlan,
  { connections, signal, say = (line) => world.output.note(line) }: PullingOptions,
): Promise<PulledModel> {
  const progress = new PullProgress(plan, world.output, say);
  try {
    return await store.pull(plan, {
      connections,
      signal,
      onEvent: (event) => progress.see(event),
    });
  } catch (error) {
    world.output.progress(null);
    if (error instanceof ShimmyError && error.kind === "cancelled") {
      say(`What came of ${plan.reference} is kept; pull it again to go on`);
    }
    throw error;
  } finally {
    world.output.progress(null);
  }
}

/** A question that may be asked before something is done. */
export interface Asking {
  /** Told not to ask: `--yes`. */
  readonly yes: boolean;
  /** Where stdin is for something else. */
  readonly mute?: boolean;
}

/** Whether the user agrees, or `null` where nobody can be asked. */
export async function agreed(
  { input, output }: World,
  question: string,
  { yes, mute = false }: Asking,
): Promise<boolean | null> {
  if (yes) return true;
  if (mute || !input.isTerminal) return null;
  output.note(`${question} [y/N]`);
  return /^\s*y(?:es)?\s*$/i.test(await input.line() ?? "");
}

/**
 * The model of a reference: what is here already, else pulled, once the user agrees.
 *
 * @throws {ShimmyError} `invalid`, where nobody can be asked; `cancelled`, where the user says no.
 */
export async function ensurePulled(
  world: World,
  store: ModelStore,
  reference: string,
  asking: Asking,
  options: PullingOptions,
): Promise<PulledModel> {
  const here = await store.find(reference);
  if (here !== null) return here;
  const plan = await store.plan(reference, { signal: options.signal });
  const missing = missingBytes(plan);
  // Another tool may have brought it; then there is nothing to ask about.
  if (missing !== 0) {
    const size = missing === null ? "a model of unknown size" : bytes(missing);
    const what = `${plan.reference} is not here: ${size} from ${plan.from}`;
    const answer = await agreed(world, `${what}. Pull it?`, asking);
    if (answer === null) {
      throw new ShimmyError("invalid", `${what}; say --yes to pull it, or use shimmy pull`);
    }
    if (!answer) throw new ShimmyError("invalid", `${plan.reference} was not pulled`);
  }
  return await pullShown(world, store, plan, options);
}
