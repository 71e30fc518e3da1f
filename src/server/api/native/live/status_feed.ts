import { allowsModel } from "../../../../access/mod.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import type { ModelPool } from "../../../../models/registry/mod.ts";
import { diagnoseModel, type Diagnosis } from "./diagnosis.ts";
import { NO_RATES, RateMeter, type Rates } from "./rates.ts";

/** A model that is loaded, loading or failed. */
export interface WatchedModel {
  /** Its name and its aliases. */
  readonly names: readonly string[];
  readonly figures: Diagnosis["figures"];
  readonly rates: Rates;
}

/** A model whose state is another than at the last snapshot. */
export interface StateChange {
  readonly names: readonly string[];
  readonly name: string;
  readonly state: string;
  readonly previous: string;
  readonly error: string | null;
}

/** The models of a server at one time. */
export interface Snapshot {
  readonly models: readonly WatchedModel[];
  readonly changes: readonly StateChange[];
}

/** Milliseconds between two snapshots. */
const INTERVAL_MS = 1000;

/** The state of a model at the last snapshot. */
type Known = Pick<StateChange, "names" | "state">;

/** Takes a snapshot of all models each second, and only while somebody subscribes. */
export class StatusFeed {
  readonly #pool: ModelPool;
  readonly #intervalMs: number;
  readonly #subscribers = new Set<(snapshot: Snapshot) => void>();
  readonly #meter = new RateMeter();
  #states: ReadonlyMap<string, Known> | null = null;
  #last: Snapshot | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isCollecting = false;

  constructor(pool: ModelPool, intervalMs = INTERVAL_MS) {
    this.#pool = pool;
    this.#intervalMs = intervalMs;
  }

  /**
   * Subscribes to the snapshots; the latest one comes soon after the call.
   *
   * @returns A function that ends the subscription.
   */
  subscribe(receive: (snapshot: Snapshot) => void): () => void {
    this.#subscribers.add(receive);
    const last = this.#last;
    if (last !== null) {
      queueMicrotask(() => {
        if (this.#subscribers.has(receive)) receive({ ...last, changes: [] });
      });
    }
    if (this.#timer === undefined && !this.#isCollecting) void this.#collect();
    return () => {
      this.#subscribers.delete(receive);
      if (this.#subscribers.size === 0) this.#stop();
    };
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // A later subscriber must not get old figures, nor rates over the time between.
    this.#last = null;
    this.#states = null;
    this.#meter.keep(new Set());
  }

  async #collect(): Promise<void> {
    this.#isCollecting = true;
    this.#timer = undefined;
    try {
      const snapshot = await this.#takeSnapshot();
      if (this.#subscribers.size === 0) return this.#stop();
      this.#last = snapshot;
      for (const receive of this.#subscribers) receive(snapshot);
    } catch {
      // The models cannot be listed at the moment; the next snapshot tries again.
    } finally {
      this.#isCollecting = false;
      if (this.#subscribers.size > 0) {
        this.#timer = setTimeout(() => void this.#collect(), this.#intervalMs);
      }
    }
  }

  async #takeSnapshot(): Promise<Snapshot> {
    const entries = await this.#pool.list();
    const watched = entries.filter((entry) => this.#pool.state(entry).state !== "unloaded");
    const models = await Promise.all(watched.map((entry) => this.#watch(entry)));
    const loaded = models.filter(({ figures }) => figures.state === "loaded");
    this.#meter.keep(new Set(loaded.map(({ figures }) => figures.name)));
    return { models, changes: this.#changes(models) };
  }

  async #watch(entry: ModelEntry): Promise<WatchedModel> {
    const { figures, status } = await diagnoseModel(this.#pool, entry);
    const rates = status === null
      ? NO_RATES
      : this.#meter.update(entry.name, status, performance.now());
    return { names: [entry.name, ...entry.aliases ?? []], figures, rates };
  }

  /** The changes since the last snapshot; none at the first one. */
  #changes(models: readonly WatchedModel[]): StateChange[] {
    const before = this.#states;
    const now = new Map<string, Known>();
    const changes: StateChange[] = [];
    for (const { names, figures: { name, state, error } } of models) {
      now.set(name, { names, state });
      const previous = before?.get(name)?.state ?? "unloaded";
      if (previous !== state) changes.push({ names, name, state, previous, error });
    }
    for (const [name, { names, state }] of before ?? []) {
      if (now.has(name)) continue;
      changes.push({ names, name, state: "unloaded", previous: state, error: null });
    }
    this.#states = now;
    return before === null ? [] : changes;
  }
}

/** Whether a key that is limited to models may see one with these names. */
export function isVisible(
  patterns: readonly string[] | undefined,
  { names }: Pick<WatchedModel, "names">,
): boolean {
  return allowsModel(patterns, names);
}
