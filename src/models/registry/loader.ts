import { messageOf, ShimmyError } from "../../errors.ts";
import { deviceBytes } from "../../engine/protocol/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { Admission, bytesOnDevices, type Log, Reservation } from "../memory/mod.ts";
import { BackOff } from "./back_off.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import type { KeepAlive, ModelEntry } from "../entry/mod.ts";
import { IdleTimers } from "./idle_timers.ts";
import { KEEP_ALL, type LoadPolicy } from "./load_policy.ts";
import { PendingUnloads } from "./pending_unloads.ts";
import { Restarts } from "./restarts.ts";
import type { Lease, ModelState } from "./pool.ts";
import {
  engineKey,
  type FailedInstance,
  type LoadedInstance,
  type LoadEngine,
  type LoadingInstance,
  type ModelInstance,
} from "./model_instance.ts";

export interface ModelLoaderOptions {
  readonly load: LoadEngine;
  readonly policy?: LoadPolicy | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** Returns the key of an entry's engine. Entries with the same key share an engine. */
  readonly engineKey?: ((entry: ModelEntry) => string) | undefined;
}

/** Loads and unloads engines: one engine per model with its adapters and settings. */
export class ModelLoader implements AsyncDisposable {
  readonly #load: LoadEngine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #engineKey: (entry: ModelEntry) => string;
  readonly #backOff: BackOff;
  readonly #restarts: Restarts;
  readonly #admission: Admission;
  readonly #idleTimers: IdleTimers;
  readonly #models = new Map<string, ModelInstance>();
  readonly #unloads = new PendingUnloads(() => this.#notifyChange());
  #policy: LoadPolicy;
  #nextChange = Promise.withResolvers<void>();
  #disposed = false;

  constructor(options: ModelLoaderOptions) {
    this.#load = options.load;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#log = options.log ?? (() => {});
    this.#engineKey = options.engineKey ?? engineKey;
    this.#policy = options.policy ?? KEEP_ALL;
    this.#backOff = new BackOff(this.#clock.now);
    this.#restarts = new Restarts(this.#clock, this.#backOff, this.#log);
    this.#admission = new Admission(
      {
        reservations: () => this.#reservations(),
        evict: (reservation) => this.#evict(reservation),
        changed: () => this.#nextChange.promise,
      },
      this.#policy,
      this.#log,
    );
    this.#idleTimers = new IdleTimers({
      clock: this.#clock,
      log: this.#log,
      evict: (reservation) => this.#evict(reservation),
    }, this.#policy.keepAlive);
  }

  /**
   * Returns the model's engine. Callers during a load share it. A cancelled caller leaves the load
   * to the others; if the last one is cancelled, the load is aborted.
   *
   * @throws {ShimmyError} `cancelled` or `backend`.
   */
  async engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine> {
    const { key, model } = this.#modelFor(entry, signal);
    return model.state === "loaded" ? model.engine : await this.#wait(key, model, signal);
  }

  /** Like `engine`, for a model that no request has asked for: it is loaded again when its RPC workers answer. */
  async preload(entry: ModelEntry, signal?: AbortSignal): Promise<Engine> {
    const key = this.#engineKey(entry);
    try {
      return await this.engine(entry, signal);
    } catch (error) {
      const isFailed = this.#models.get(key)?.state === "failed";
      if (isFailed && this.#restarts.isAwaited(key, entry.name, messageOf(error))) {
        this.#loadAgain(key, entry);
      }
      throw error;
    }
  }

  /**
   * Like `engine`. The model is neither idle nor unloaded to free memory while the lease is held.
   */
  async lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive): Promise<Lease> {
    const { key, model } = this.#modelFor(entry, signal);
    const { reservation } = model;
    reservation.cancelIdleTimer();
    reservation.users++;
    reservation.entry = entry;
    if (keepAlive !== undefined) reservation.keepAlive = keepAlive;
    try {
      const engine = model.state === "loaded" ? model.engine : await this.#wait(key, model, signal);
      let held = true;
      return {
        engine,
        [Symbol.dispose]: () => {
          if (held) this.#release(key, reservation);
          held = false;
        },
      };
    } catch (error) {
      this.#release(key, reservation);
      throw error;
    }
  }

  /**
   * Unloads a model. A pending load is aborted, and its callers get an error. True if the model was
   * loaded.
   */
  async unload(entry: ModelEntry): Promise<boolean> {
    const key = this.#engineKey(entry);
    this.#restarts.forget(key);
    const unloading = this.#unloads.get(key);
    unloading?.reservation.release();
    const model = this.#models.get(key);
    if (model === undefined || model.state === "failed") {
      await this.#unloads.ended(key);
      return unloading !== undefined;
    }
    // The callers did not cancel the load themselves, so they may retry.
    const reason = new ShimmyError("overloaded", `Model '${entry.name}' was unloaded`);
    await this.#remove(key, model, reason);
    return model.state === "loaded";
  }

  state(entry: ModelEntry): ModelState {
    const key = this.#engineKey(entry);
    const model = this.#models.get(key);
    if (model === undefined) return { state: "unloaded", progress: 0, error: null, engine: null };
    if (model.state === "failed") {
      const retryMs = this.#backOff.wait(key);
      const failed = { state: "failed", progress: 0, error: model.error, engine: null } as const;
      return retryMs > 0 ? { ...failed, retryMs } : failed;
    }
    const { reservation } = model;
    return {
      state: model.state,
      progress: model.state === "loading" ? model.progress : 1,
      error: null,
      engine: model.state === "loaded" ? model.engine : null,
      use: {
        requests: reservation.users,
        isPinned: reservation.isPinned,
        expiresInMs: this.#idleTimers.expiresIn(reservation),
        bytes: reservation.bytes,
      },
    };
  }

  /** The entries of the models that are loaded or loading. */
  loadedEntries(): readonly ModelEntry[] {
    return [...this.#models.values()].flatMap((model) =>
      model.state === "failed" ? [] : [model.reservation.entry]
    );
  }

  /** True if another model is loaded, loading or unloading. */
  hasOther(entry: ModelEntry): boolean {
    const model = this.#models.get(this.#engineKey(entry));
    const own = model === undefined || model.state === "failed" ? null : model.reservation;
    return this.#reservations().some((reservation) => reservation !== own);
  }

  /** Bytes of loaded models on devices, by device name. */
  get onDevices(): ReadonlyMap<string, number> {
    return bytesOnDevices(this.#reservations());
  }

  /**
   * Applies another policy and other entries. Loaded models whose entry or settings were removed are
   * unloaded when their requests are done.
   */
  reconfigure(policy: LoadPolicy, entries: readonly ModelEntry[]): void {
    this.#policy = policy;
    this.#admission.limits = policy;
    this.#idleTimers.defaultKeepAlive = policy.keepAlive;
    const known = new Map(entries.map((entry) => [this.#engineKey(entry), entry]));
    for (const [key, model] of [...this.#models]) {
      if (!known.has(key)) this.#restarts.forget(key);
      if (model.state === "failed") continue;
      const { reservation } = model;
      reservation.entry = known.get(key) ?? reservation.entry;
      reservation.isStale = !known.has(key);
      if (model.state === "loaded") this.#idleTimers.update(reservation);
    }
    this.#notifyChange();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#restarts[Symbol.dispose]();
    const reason = new ShimmyError("cancelled", "Shimmy is shutting down");
    this.#unloads.releaseAll();
    const ends = [...this.#models].map(([key, model]) => this.#remove(key, model, reason));
    await Promise.all([...ends, this.#unloads.allEnded()]);
  }

  /**
   * Returns the state of a model, and starts a load if the model is neither loaded nor loading.
   */
  #modelFor(entry: ModelEntry, signal: AbortSignal | undefined) {
    if (this.#disposed) throw new ShimmyError("cancelled", "Shimmy is shutting down");
    if (signal?.aborted) throw cancelled();
    const key = this.#engineKey(entry);
    const model = this.#models.get(key);
    if (model?.state === "failed") this.#backOff.check(key, entry.name, model.error);
    if (model === undefined || model.state === "failed") {
      return { key, model: this.#start(key, entry) };
    }
    return { key, model };
  }

  #start(key: string, entry: ModelEntry): LoadingInstance {
    const controller = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<Engine>();
    // Each caller gets the failure. A failure without callers is no unhandled rejection.
    promise.catch(() => {});
    const reservation = new Reservation(entry, this.#clock.now());
    const loaded = this.#admitAndLoad(this.#unloads.ended(key), reservation, {
      onProgress: (fraction) => model.progress = fraction,
      signal: controller.signal,
    });
    const model: LoadingInstance = {
      state: "loading",
      reservation,
      outcome: promise,
      abort: (reason) => {
        reject(reason);
        controller.abort(reason);
      },
      ended: loaded.then(async (engine) => {
        if (this.#models.get(key) !== model) return await engine[Symbol.asyncDispose]();
        this.#setLoaded(key, engine, reservation);
        resolve(engine);
      }, (thrown) => {
        const error = asLoadError(entry, thrown);
        if (this.#models.get(key) === model) {
          this.#setFailed(key, error.message);
          if (this.#restarts.isLost(key)) this.#loadAgain(key, entry);
        }
        reject(error);
      }),
      progress: 0,
      waiting: 0,
    };
    this.#models.set(key, model);
    return model;
  }

  /** Loads a model after its previous instance has ended and admission has made room. */
  async #admitAndLoad(
    previous: Promise<void> | undefined,
    reservation: Reservation,
    options: Parameters<LoadEngine>[1],
  ): Promise<Engine> {
    await previous;
    options.signal.throwIfAborted();
    await this.#admission.admit(reservation, options.signal);
    const { memory } = this.#policy;
    const free = memory?.available() ?? 0;
    const engine = await this.#load(reservation.entry, options);
    const used = memory === undefined ? 0 : Math.max(0, free - memory.available());
    reservation.recordLoad(used, deviceBytes(engine.info));
    return engine;
  }

  /** Keeps a loaded engine until it is unloaded or crashes. */
  #setLoaded(key: string, engine: Engine, reservation: Reservation): void {
    const model: LoadedInstance = { state: "loaded", engine, reservation };
    reservation.stage = "loaded";
    this.#models.set(key, model);
    this.#backOff.loaded(key);
    this.#restarts.forget(key);
    engine.closed.then((reason) => {
      if (this.#models.get(key) !== model) return;
      reservation.cancelIdleTimer();
      if (reason === null) this.#models.delete(key);
      else this.#setFailed(key, reason);
      const { entry } = reservation;
      if (reason !== null && this.#restarts.isDue(key, entry.name, reason)) {
        this.#loadAgain(key, entry);
      }
      this.#notifyChange();
    });
    this.#idleTimers.startLoaded(reservation);
    this.#notifyChange();
  }

  /** Loads a model again as soon as its back-off allows. */
  #loadAgain(key: string, entry: ModelEntry): void {
    if (this.#disposed) return;
    this.#restarts.add(key, () => {
      // The next request gets the reason of a failure.
      if (this.#models.get(key)?.state === "failed") this.engine(entry).catch(() => {});
    });
  }

  #setFailed(key: string, error: string): void {
    this.#backOff.failed(key);
    this.#models.set(key, { state: "failed", error } satisfies FailedInstance);
    this.#notifyChange();
  }

  async #wait(
    key: string,
    model: LoadingInstance,
    signal: AbortSignal | undefined,
  ): Promise<Engine> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(cancelled());
    model.waiting++;
    signal?.addEventListener("abort", onAbort);
    try {
      return await Promise.race([model.outcome, aborted]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      model.waiting--;
      if (model.waiting === 0 && this.#models.get(key) === model) {
        // No caller is left to receive a failure.
        this.#remove(key, model, cancelled()).catch(() => {});
      }
    }
  }

  /** Releases a lease. */
  #release(key: string, reservation: Reservation): void {
    reservation.users--;
    reservation.lastUsed = this.#clock.now();
    const model = this.#models.get(key);
    if (model?.state === "loaded" && model.reservation === reservation) {
      this.#idleTimers.update(reservation);
    } else if (reservation.users === 0) reservation.release();
    this.#notifyChange();
  }

  *#reservations(): Generator<Reservation> {
    for (const model of this.#models.values()) {
      if (model.state !== "failed") yield model.reservation;
    }
    yield* this.#unloads.reservations();
  }

  /** Unloads a model when its requests are done. New requests load it again. */
  async #evict(reservation: Reservation): Promise<void> {
    const found = [...this.#models].find(([, model]) =>
      model.state === "loaded" && model.reservation === reservation
    );
    if (found === undefined) return;
    const [key, model] = found as [string, LoadedInstance];
    this.#models.delete(key);
    this.#unloads.add(key, model);
    reservation.stage = "unloading";
    reservation.cancelIdleTimer();
    if (reservation.users === 0) reservation.release();
    try {
      await this.#unloads.waitForEnd(key, reservation.released.then(() => disposed(model.engine)));
    } catch (error) {
      this.#log(`${reservation.entry.name} did not unload cleanly: ${messageOf(error)}`);
    }
  }

  /** Removes the state of a model and ends its load or engine. */
  async #remove(key: string, model: ModelInstance, reason: ShimmyError): Promise<void> {
    this.#models.delete(key);
    this.#restarts.forget(key);
    if (model.state === "failed") return;
    model.reservation.cancelIdleTimer();
    if (model.state === "loading") model.abort(reason);
    else this.#unloads.add(key, model);
    model.reservation.stage = model.state === "loaded" ? "unloading" : model.reservation.stage;
    await this.#unloads.waitForEnd(
      key,
      model.state === "loading" ? model.ended : disposed(model.engine),
    );
  }

  /** Wakes all waits for a change. */
  #notifyChange(): void {
    this.#nextChange.resolve();
    this.#nextChange = Promise.withResolvers<void>();
  }
}

async function disposed(engine: Engine): Promise<void> {
  await engine[Symbol.asyncDispose]();
}

function cancelled(): ShimmyError {
  return new ShimmyError("cancelled", "Request cancelled while the model was loading");
}

function asLoadError(entry: ModelEntry, thrown: unknown): ShimmyError {
  if (thrown instanceof ShimmyError) return thrown;
  return new ShimmyError("backend", `Cannot load model '${entry.name}'`, { cause: thrown });
}
