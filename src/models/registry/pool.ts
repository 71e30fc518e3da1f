import type { Engine } from "../../engine/mod.ts";
import type { LoadPlan } from "../../engine/planning/mod.ts";
import type { KeepAlive, ModelEntry } from "../entry/mod.ts";

/** State of a model. */
export type LoadState = "unloaded" | "loading" | "loaded" | "failed";

/** The available and the loaded models, as the server and the commands use them. */
export interface ModelPool {
  /** All known models. */
  list(): Promise<readonly ModelEntry[]>;
  /** Scans all sources again. */
  rescan(): Promise<readonly ModelEntry[]>;
  /**
   * Returns the entry for a name; without a name, the default model.
   *
   * @throws {ShimmyError} `not_found`; the message begins with `Model 'x' not found`.
   */
  resolve(name: string | undefined): Promise<ModelEntry>;
  /** The model for unknown names: the target of the alias `*`. */
  fallback(): Promise<ModelEntry | undefined>;
  /**
   * Returns the engine of a model and loads it if necessary. Concurrent calls share one load.
   *
   * @throws {ShimmyError} `backend`, with the reason as a sentence.
   */
  engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine>;
  /**
   * Plans a load without loading: whether the model fits, and its placement on devices.
   *
   * @throws {ShimmyError} `backend` if the model cannot be loaded at all.
   */
  plan(entry: ModelEntry, signal?: AbortSignal): Promise<LoadPlan>;
  /**
   * Like `engine`. The model is neither idle nor unloaded to free memory while the lease is held.
   *
   * @param keepAlive New idle timeout after the lease. Without it the timeout does not change.
   * @throws {ShimmyError} `backend`, with the reason as a sentence.
   */
  lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive): Promise<Lease>;
  /**
   * Adapters for requests to a model, each name once: configured adapters first, then all
   * discovered adapters, whatever model they were made for.
   */
  adapters(entry: ModelEntry): Promise<readonly AdapterFile[]>;
  /** Unloads a model and ends its running requests. True if the model was loaded. */
  unload(entry: ModelEntry): Promise<boolean>;
  state(entry: ModelEntry): ModelState;
}

/** An adapter file. */
export interface AdapterFile {
  /** The configured name, otherwise the lower-case file name without `.gguf`. */
  readonly name: string;
  readonly path: string;
}

/** Keeps an engine loaded until the lease is disposed. */
export interface Lease extends Disposable {
  readonly engine: Engine;
}

export interface ModelState {
  readonly state: LoadState;
  /** 0 to 1 during a load. */
  readonly progress: number;
  /** Reason of the last failure. */
  readonly error: string | null;
  readonly engine: Engine | null;
  /** Milliseconds until a failed model may be loaded again. */
  readonly retryMs?: number;
  /** Present if the model is loaded or loading. */
  readonly use?: ModelUse;
}

/** Use of a model. */
export interface ModelUse {
  /** Number of requests that hold the model. */
  readonly requests: number;
  /** The model is unloaded last to free memory. */
  readonly isPinned: boolean;
  /** Milliseconds until the idle unload; null if the model has no idle timeout. */
  readonly expiresInMs: number | null;
  /** Required bytes; null if they were not estimated. */
  readonly bytes: number | null;
}
