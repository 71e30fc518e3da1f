import { messageOf, ShimmyError } from "../../errors.ts";
import { deviceBytes } from "../../engine/protocol/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { Admission, heldOnDevices, type Limits, type Say, Tenancy } from "../memory/mod.ts";
import { BackOff } from "./back_off.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { formatKeepAlive, type KeepAlive, type ModelEntry } from "../entry/mod.ts";
import type { Lease, ModelState } from "./pool.ts";
import {
  type Failed,
  keyOf,
  type Loaded,
  type LoadEngine,
  type Loading,
  type Slot,
} from "./model_state.ts";

/** When models are unloaded, and how many may be loaded. */
export interface LoadPolicy extends Limits {
  /** For models and requests that say nothing. */
  readonly keepAlive: KeepAlive;
}

/** Nothing is unloaded but on demand. */
export const KEEP_ALL: LoadPolicy = { keepAlive: Infinity, maxModels: Infinity };

export interface LoadsOptions {
  readonly load: LoadEngine;
  readonly policy?: LoadPolicy | undefined;
  readonly clock?: Clock | undefined;
  readonly say?: Say | undefined;
  /** What makes two entries need two engines. */
  readonly keyOf?: ((entry: ModelEntry) => string) | undefined;
}

/** The engines that are loaded or on their way, one for a model with its adapters and settings. */
export class Loads implements AsyncDisposable {
  readonly #load: LoadEngine;
  readonly #clock: Clock;
  readonly #say: Say;
  readonly #keyOf: (entry: ModelEntry) => string;
  readonly #backOff: BackOff;
  readonly #admission: Admission;
  readonly #slots = new Map<string, Slot>();
  /** Models that go as soon as their requests are done. */
  readonly #leaving = new Map<string, Loaded>();
  /** Ends of what was abandoned or unloaded: the next load of that model waits, lest both be in memory. */
  readonly #ending = new Map<string, Promise<void>>();
  #policy: LoadPolicy;
  #change = Promise.withResolvers<void>();
  #disposed = false;

  constructor(options: LoadsOptions) {
    this.#load = options.load;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#say = options.say ?? (() => {});
    this.#keyOf = options.keyOf ?? keyOf;
    this.#policy = options.policy ?? KEEP_ALL;
    this.#backOff = new BackOff(this.#clock.now);
    this.#admission = new Admission(
      {
        tenants: () => this.#tenants(),
        evict: (tenant) => this.#evict(tenant),
        changed: () => this.#change.promise,
      },
      this.#policy,
      this.#say,
    );
  }

  /**
   * The model's engine. Callers that come while it loads wait for the same load; one that gives up
   * leaves it to the others, and the last one to give up ends it.
   *
   * @throws {ShimmyError} `cancelled` or `backend`.
   */
  async engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine> {
    const { key, slot } = this.#slotFor(entry, signal);
    return slot.state === "loaded" ? slot.engine : await this.#wait(key, slot, signal);
  }

  /** Like `engine`, and the model is not unloaded for want of use or of room while it is held. */
  async lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive): Promise<Lease> {
    const { key, slot } = this.#slotFor(entry, signal);
    const { tenancy } = slot;
    tenancy.awake();
    tenancy.users++;
    tenancy.entry = entry;
    if (keepAlive !== undefined) tenancy.keepAlive = keepAlive;
    try {
      const engine = slot.state === "loaded" ? slot.engine : await this.#wait(key, slot, signal);
      let held = true;
      return {
        engine,
        [Symbol.dispose]: () => {
          if (held) this.#release(key, tenancy);
          held = false;
        },
      };
    } catch (error) {
      this.#release(key, tenancy);
      throw error;
    }
  }

  /** True if the model was loaded. A load on its way is ended, and those who wait for it are told. */
  async unload(entry: ModelEntry): Promise<boolean> {
    const key = this.#keyOf(entry);
    const leaving = this.#leaving.get(key);
    leaving?.tenancy.vacate();
    const slot = this.#slots.get(key);
    if (slot === undefined || slot.state === "failed") {
      await this.#ending.get(key);
      return leaving !== undefined;
    }
    // Whoever waited may ask again: it was somebody else who did not want the model.
    const reason = new ShimmyError("overloaded", `Model '${entry.name}' was unloaded`);
    await this.#end(key, slot, reason);
    return slot.state === "loaded";
  }

  state(entry: ModelEntry): ModelState {
    const key = this.#keyOf(entry);
    const slot = this.#slots.get(key);
    if (slot === undefined) return { state: "unloaded", progress: 0, error: null, engine: null };
    if (slot.state === "failed") {
      const retryMs = this.#backOff.wait(key);
      const failed = { state: "failed", progress: 0, error: slot.error, engine: null } as const;
      return retryMs > 0 ? { ...failed, retryMs } : failed;
    }
    const { tenancy } = slot;
    return {
      state: slot.state,
      progress: slot.state === "loading" ? slot.progress : 1,
      error: null,
      engine: slot.state === "loaded" ? slot.engine : null,
      use: {
        requests: tenancy.users,
        isPinned: tenancy.isPinned,
        expiresInMs: this.#expiresIn(tenancy),
        bytes: tenancy.bytes,
      },
    };
  }

  /** Bytes that loaded models have on devices, by the devices' names. */
  get onDevices(): ReadonlyMap<string, number> {
    return heldOnDevices(this.#tenants());
  }

  /**
   * From now on other rules hold, and these are the models there are. What is loaded of others, or with
   * other settings, goes when nobody uses it.
   */
  reconfigure(policy: LoadPolicy, entries: readonly ModelEntry[]): void {
    this.#policy = policy;
    this.#admission.limits = policy;
    const known = new Map(entries.map((entry) => [this.#keyOf(entry), entry]));
    for (const [key, slot] of [...this.#slots]) {
      if (slot.state === "failed") continue;
      const { tenancy } = slot;
      tenancy.entry = known.get(key) ?? tenancy.entry;
      tenancy.isStale = !known.has(key);
      if (slot.state === "loaded") this.#settle(tenancy);
    }
    this.#changed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const reason = new ShimmyError("cancelled", "Shimmy is shutting down");
    for (const { tenancy } of this.#leaving.values()) tenancy.vacate();
    const ends = [...this.#slots].map(([key, slot]) => this.#end(key, slot, reason));
    await Promise.all([...ends, ...this.#ending.values()]);
  }

  /** What holds a model now; begins to load it where nothing does. */
  #slotFor(entry: ModelEntry, signal: AbortSignal | undefined) {
    if (this.#disposed) throw new ShimmyError("cancelled", "Shimmy is shutting down");
    if (signal?.aborted) throw gaveUp();
    const key = this.#keyOf(entry);
    const slot = this.#slots.get(key);
    if (slot?.state === "failed") this.#backOff.check(key, entry.name, slot.error);
    if (slot === undefined || slot.state === "failed") {
      return { key, slot: this.#start(key, entry) };
    }
    return { key, slot };
  }

  #start(key: string, entry: ModelEntry): Loading {
    const controller = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<Engine>();
    // Everyone who waits sees the failure; that nobody may be waiting any more is no error.
    promise.catch(() => {});
    const tenancy = new Tenancy(entry, this.#clock.now());
    const loaded = this.#loadWithin(this.#ending.get(key), tenancy, {
      onProgress: (fraction) => slot.progress = fraction,
      signal: controller.signal,
    });
    const slot: Loading = {
      state: "loading",
      tenancy,
      outcome: promise,
      abandon: (reason) => {
        reject(reason);
        controller.abort(reason);
      },
      ended: loaded.then(async (engine) => {
        if (this.#slots.get(key) !== slot) return await engine[Symbol.asyncDispose]();
        this.#keep(key, engine, tenancy);
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

  /** Loads a model when it has gone where it was before, and there is room. */
  async #loadWithin(
    before: Promise<void> | undefined,
    tenancy: Tenancy,
    options: Parameters<LoadEngine>[1],
  ): Promise<Engine> {
    await before;
    options.signal.throwIfAborted();
    await this.#admission.admit(tenancy, options.signal);
    const { memory } = this.#policy;
    const free = memory?.available() ?? 0;
    const engine = await this.#load(tenancy.entry, options);
    const taken = memory === undefined ? 0 : Math.max(0, free - memory.available());
    tenancy.moveIn(taken, deviceBytes(engine.info));
    return engine;
  }

  /** Holds a loaded engine until it is unloaded or dies. */
  #keep(key: string, engine: Engine, tenancy: Tenancy): void {
    const slot: Loaded = { state: "loaded", engine, tenancy };
    tenancy.stage = "loaded";
    this.#slots.set(key, slot);
    this.#backOff.began(key);
    engine.closed.then((reason) => {
      if (this.#slots.get(key) !== slot) return;
      tenancy.awake();
      if (reason === null) this.#slots.delete(key);
      else this.#fail(key, reason);
      this.#changed();
    });
    // Even where it may not rest at all, those who waited for it get it first.
    if (tenancy.users === 0) this.#rest(tenancy, tenancy.idleTime(this.#policy.keepAlive));
    this.#changed();
  }

  #fail(key: string, error: string): void {
    this.#backOff.failed(key);
    this.#slots.set(key, { state: "failed", error } satisfies Failed);
    this.#changed();
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

  /** A request is done with a model. */
  #release(key: string, tenancy: Tenancy): void {
    tenancy.users--;
    tenancy.lastUsed = this.#clock.now();
    const slot = this.#slots.get(key);
    if (slot?.state === "loaded" && slot.tenancy === tenancy) this.#settle(tenancy);
    else if (tenancy.users === 0) tenancy.vacate();
    this.#changed();
  }

  /** Lets a model rest for as long as it may, where nobody uses it. */
  #settle(tenancy: Tenancy): void {
    tenancy.awake();
    if (tenancy.users > 0) return;
    const ms = tenancy.idleTime(this.#policy.keepAlive);
    if (ms === 0) void this.#evict(tenancy);
    else this.#rest(tenancy, ms);
  }

  #rest(tenancy: Tenancy, ms: KeepAlive): void {
    if (ms === Infinity) return;
    tenancy.rest(
      this.#clock.now() + ms,
      this.#clock.after(ms, () => {
        this.#say(`Unloading ${tenancy.entry.name}: idle for ${formatKeepAlive(ms)}`);
        void this.#evict(tenancy);
      }),
    );
  }

  #expiresIn(tenancy: Tenancy): number | null {
    if (tenancy.expires !== null) return Math.max(0, tenancy.expires - this.#clock.now());
    const ms = tenancy.idleTime(this.#policy.keepAlive);
    return ms === Infinity ? null : ms;
  }

  *#tenants(): Generator<Tenancy> {
    for (const slot of this.#slots.values()) if (slot.state !== "failed") yield slot.tenancy;
    for (const { tenancy } of this.#leaving.values()) yield tenancy;
  }

  /** Unloads a model that is loaded, once nobody uses it. Requests that come meanwhile load it anew. */
  async #evict(tenancy: Tenancy): Promise<void> {
    const found = [...this.#slots].find(([, slot]) =>
      slot.state === "loaded" && slot.tenancy === tenancy
    );
    if (found === undefined) return;
    const [key, slot] = found as [string, Loaded];
    this.#slots.delete(key);
    this.#leaving.set(key, slot);
    tenancy.stage = "leaving";
    tenancy.awake();
    if (tenancy.users === 0) tenancy.vacate();
    try {
      await this.#finish(key, tenancy.vacated.then(() => disposed(slot.engine)));
    } catch (error) {
      this.#say(`${tenancy.entry.name} could not be unloaded in order: ${messageOf(error)}`);
    }
  }

  /** Takes a slot out and ends what it holds. */
  async #end(key: string, slot: Slot, reason: ShimmyError): Promise<void> {
    this.#slots.delete(key);
    if (slot.state === "failed") return;
    slot.tenancy.awake();
    if (slot.state === "loading") slot.abandon(reason);
    else this.#leaving.set(key, slot);
    slot.tenancy.stage = slot.state === "loaded" ? "leaving" : slot.tenancy.stage;
    await this.#finish(key, slot.state === "loading" ? slot.ended : disposed(slot.engine));
  }

  /** Waits for the end of what is no longer to be had, which the next load of that model waits for too. */
  async #finish(key: string, ended: Promise<void>): Promise<void> {
    const settled = ended.catch(() => {});
    this.#ending.set(key, settled);
    try {
      await ended;
    } finally {
      if (this.#ending.get(key) === settled) {
        this.#ending.delete(key);
        this.#leaving.delete(key);
      }
      this.#changed();
    }
  }

  /** Wakes everyone who waits for something to change. */
  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

async function disposed(engine: Engine): Promise<void> {
  await engine[Symbol.asyncDispose]();
}

function gaveUp(): ShimmyError {
  return new ShimmyError("cancelled", "The request was given up while the model loaded");
}

function asLoadError(entry: ModelEntry, thrown: unknown): ShimmyError {
  if (thrown instanceof ShimmyError) return thrown;
  return new ShimmyError("backend", `Model '${entry.name}' could not be loaded`, { cause: thrown });
}
