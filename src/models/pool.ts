import type { Engine } from "../engine/face.ts";
import type { LoadPlan } from "../engine/plan.ts";
import type { ModelEntry } from "./entry.ts";

/** What a model is doing. */
export type LoadState = "unloaded" | "loading" | "loaded" | "failed";

/** The models that can be had and those that are loaded, as the server and the commands see them. */
export interface ModelPool {
  /** Every model known now. */
  list(): Promise<readonly ModelEntry[]>;
  /** Looks again at every place. */
  rescan(): Promise<readonly ModelEntry[]>;
  /**
   * The entry a request means; without a name, the default model.
   * @throws {ShimmyError} `not_found`, with the message `Model 'x' not found`.
   */
  resolve(name: string | undefined): Promise<ModelEntry>;
  /**
   * The engine of a model, loading it when it is not loaded; requests that come meanwhile wait for the
   * same load.
   * @throws {ShimmyError} `backend`, with the reason as a sentence.
   */
  engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine>;
  /**
   * Whether and how a model would fit, without loading it.
   * @throws {ShimmyError} `backend`, with the reason why it could not be loaded at all.
   */
  plan(entry: ModelEntry, signal?: AbortSignal): Promise<LoadPlan>;
  /** True if it was loaded and no longer is. Answers that run are ended. */
  unload(entry: ModelEntry): Promise<boolean>;
  state(entry: ModelEntry): ModelState;
}

export interface ModelState {
  readonly state: LoadState;
  /** 0 to 1 while loading. */
  readonly progress: number;
  /** Why the last load failed. */
  readonly error: string | null;
  readonly engine: Engine | null;
}
