import { ShimmyError } from "../errors.ts";
import type { Engine } from "../engine/face.ts";
import type { ModelEntry } from "./entry.ts";
import { BackOff } from "./back_off.ts";
import type { ModelState } from "./pool.ts";

/** Loads a model. */
export type LoadEngine = (
  entry: ModelEntry,
  options: {
    /** From 0 to 1. */
    readonly onProgress: (fraction: number) => void;
    readonly signal: AbortSignal;
  },
) => Promise<Engine>;

/** A load on its way. Those who wait for it share `outcome`. */
interface Loading {
  readonly state: "loading";
  readonly outcome: Promise<Engine>;
  /** Ends the load and tells everyone who waits for it why. */
  readonly abandon: (reason: ShimmyError) => void;
  /** Resolves when the loader has come back, whatever the outcome. */
  readonly ended: Promise<void>;
  progress: number;
  waiting: number;
}

type Slot =
  | Loading
  | { readonly state: "loaded"; readonly engine: Engine }
  | { readonly state: "failed"; readonly error: string };

const UNLOADED: ModelState = { state: "unloaded", progress: 0, error: null, engine: null };

/** The engines that are loaded or on their way, one for a model with its adapters. */
export class Loads implements AsyncDisposable {
  readonly #load: LoadEngine;
  readonly #backOff: BackOff;
  readonly #slots = new Map<string, Slot>();
  /** Ends of what was abandoned or unloaded: the next load of that model waits, lest both be in memory. */
  readonly #ending = new Map<string, Promise<void>>();
  #disposed = false;

  /** @param now milliseconds; a test's clock. */
  constructor(load: LoadEngine, now: () => number = () => performance.now()) {
    this.#load = load;
    this.#backOff = new BackOff(now);
  }

  /**
   * The model's engine. Callers that come while it loads wait for the same load; one that gives up
   * leaves it to the others, and the last one to give up ends it.
   *
   * @throws {ShimmyError} `cancelled` or `backend`.
   */
  async engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine> {
    if (this.#disposed) throw new ShimmyError("cancelled", "Shimmy is shutting down");
    if (signal?.aborted) throw gaveUp();
    const key = keyOf(entry);
    const slot = this.#slots.get(key);
    if (slot?.state === "loaded") return slot.engine;
    if (slot?.state === "failed") this.#backOff.check(key, entry.name, slot.error);
    return await this.#wait(
      key,
      slot?.state === "loading" ? slot : this.#start(key, entry),
      signal,
    );
  }

  /** True if the model was loaded. A load on its way is ended, and those who wait for it are told. */
  async unload(entry: ModelEntry): Promise<boolean> {
    const key = keyOf(entry);
    const slot = this.#slots.get(key);
    if (slot === undefined || slot.state === "failed") return false;
    const reason = new ShimmyError("cancelled", `Model '${entry.name}' was unloaded`);
    await this.#end(key, slot, reason);
    return slot.state === "loaded";
  }

  state(entry: ModelEntry): ModelState {
    const slot = this.#slots.get(keyOf(entry));
    if (slot === undefined) return UNLOADED;
    return {
      state: slot.state,
      progress: slot.state === "loading" ? slot.progress : slot.state === "loaded" ? 1 : 0,
      error: slot.state === "failed" ? slot.error : null,
      engine: slot.state === "loaded" ? slot.engine : null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const reason = new ShimmyError("cancelled", "Shimmy is shutting down");
    const ends = [...this.#slots].map(([key, slot]) => this.#end(key, slot, reason));
    await Promise.all([...ends, ...this.#ending.values()]);
  }

  #start(key: string, entry: ModelEntry): Loading {
    const controller = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<Engine>();
    // Everyone who waits sees the failure; that nobody may be waiting any more is no error.
    promise.catch(() => {});
    const loaded = this.#loadAfter(this.#ending.get(key), entry, {
      onProgress: (fraction) => slot.progress = fraction,
      signal: controller.signal,
    });
    const slot: Loading = {
      state: "loading",
      outcome: promise,
      abandon: (reason) => {
        reject(reason);
        controller.abort(reason);
      },
      ended: loaded.then(async (engine) => {
        if (this.#slots.get(key) !== slot) return await engine[Symbol.asyncDispose]();
        this.#keep(key, engine);
        resolve(engine);
      }, (thrown) => {
        const error = asLoadError(entry, thrown);
        if (this.#slots.get(key) === slot) this.#fail(key, error.message);
        reject(error);
      }),
      progress: 0,
      waiting: 0,
    };
    this.#slots.set(key, slot);
    return slot;
  }

  async #loadAfter(
    before: Promise<void> | undefined,
    entry: ModelEntry,
    options: Parameters<LoadEngine>[1],
  ): Promise<Engine> {
    await before;
    options.signal.throwIfAborted();
    return await this.#load(entry, options);
  }

  /** Holds a loaded engine until it is unloaded or dies. */
  #keep(key: string, engine: Engine): void {
    const slot: Slot = { state: "loaded", engine };
    this.#slots.set(key, slot);
    this.#backOff.began(key);
    engine.closed.then((reason) => {
      if (this.#slots.get(key) !== slot) return;
      if (reason === null) this.#slots.delete(key);
      else this.#fail(key, reason);
    });
  }

  #fail(key: string, error: string): void {
    this.#backOff.failed(key);
    this.#slots.set(key, { state: "failed", error });
  }

  async #wait(key: string, slot: Loading, signal: AbortSignal | undefined): Promise<Engine> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(gaveUp());
    slot.waiting++;
    signal?.addEventListener("abort", onAbort);
    try {
      return await Promise.race([slot.outcome, aborted]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      slot.waiting--;
      if (slot.waiting === 0 && this.#slots.get(key) === slot) {
        // Nobody is left whom a failure to end it could be told.
        this.#end(key, slot, gaveUp()).catch(() => {});
      }
    }
  }

  /** Takes a slot out and ends what it holds. */
  async #end(key: string, slot: Slot, reason: ShimmyError): Promise<void> {
    this.#slots.delete(key);
    if (slot.state === "failed") return;
    if (slot.state === "loading") slot.abandon(reason);
    const ended = slot.state === "loading" ? slot.ended : disposed(slot.engine);
    const settled = ended.catch(() => {});
    this.#ending.set(key, settled);
    try {
      await ended;
    } finally {
      if (this.#ending.get(key) === settled) this.#ending.delete(key);
    }
  }
}

async function disposed(engine: Engine): Promise<void> {
  await engine[Symbol.asyncDispose]();
}

function gaveUp(): ShimmyError {
  return new ShimmyError("cancelled", "The request was given up while the model loaded");
}

/** The same file under other adapters is another engine. */
function keyOf(entry: ModelEntry): string {
  return JSON.stringify([entry.paths, entry.loras]);
}

function asLoadError(entry: ModelEntry, thrown: unknown): ShimmyError {
  if (thrown instanceof ShimmyError) return thrown;
  return new ShimmyError("backend", `Model '${entry.name}' could not be loaded`, { cause: thrown });
}
