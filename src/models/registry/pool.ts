import type { Engine } from "../../engine/mod.ts";
import type { LoadPlan } from "../../engine/planning/mod.ts";
import type { KeepAlive, ModelEntry } from "../entry/mod.ts";

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
  /**
   * Like `engine`, and the model stays loaded for as long as the lease is held: it is neither idle nor
   * unloaded to make room.
   *
   * @param keepAlive how long it stays after that, from now on; without it nothing about that changes.
   * @throws {ShimmyError} `backend`, with the reason as a sentence.
   */
  lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive): Promise<Lease>;
  /**
   * Adapters that a model may answer with, each name once: those it is configured with, then those that
   * lie where models are looked for, whatever model they were made for.
   */
  adapters(entry: ModelEntry): Promise<readonly AdapterFile[]>;
  /** True if it was loaded and no longer is. Answers that run are ended. */
  unload(entry: ModelEntry): Promise<boolean>;
  state(entry: ModelEntry): ModelState;
}

/** A file with an adapter. */
export interface AdapterFile {
  /** The file's name without `.gguf`, lower-cased, unless the configuration gives another. */
  readonly name: string;
  readonly path: string;
}

/** An engine that is in use until the lease is disposed of. */
export interface Lease extends Disposable {
  readonly engine: Engine;
}

export interface ModelState {
  readonly state: LoadState;
  /** 0 to 1 while loading. */
  readonly progress: number;
  /** Why the last load failed. */
  readonly error: string | null;
  readonly engine: Engine | null;
  /** Milliseconds until a model that failed is tried again. */
  readonly retryMs?: number;
  /** Of a model that is loaded or on its way. */
  readonly use?: ModelUse;
}

/** How a model is used. */
export interface ModelUse {
  /** Requests that hold it now. */
  readonly requests: number;
  /** It is the last to go when room is needed. */
  readonly isPinned: boolean;
  /** Milliseconds until it is unloaded unless it is used; null: it is not unloaded for being idle. */
  readonly expiresInMs: number | null;
  /** Bytes it is expected to take; null where that was not asked. */
  readonly bytes: number | null;
}
