import type { ModelEntry } from "./entry.ts";
import type { Tenancy } from "./tenancy.ts";

/** What models may take together. */
export interface Limits {
  /** Models that are loaded at once, at most. */
  readonly maxModels: number;
  /** Where absent, memory is not looked at. */
  readonly memory?: {
    /** Bytes a model takes once it is loaded, about. */
    readonly need: (entry: ModelEntry) => Promise<number>;
    /** Bytes the system has to give now. */
    readonly available: () => number;
  };
}

/** The models that are loaded, as admission deals with them. */
export interface House {
  /** All that take room, or soon will. */
  tenants(): Iterable<Tenancy>;
  /** Unloads a model once nobody uses it; from now on nobody new does. */
  evict(tenant: Tenancy): Promise<void>;
  /** Resolves when something has changed about any of them. */
  changed(): Promise<void>;
}

/** Tells the operator. */
export type Say = (line: string) => void;

/**
 * Lets models in one after the other, in the order in which they came, and makes room for each: the
 * least recently used goes first, one that is used only when it is done, pinned ones last.
 */
export class Admission {
  limits: Limits;
  readonly #house: House;
  readonly #say: Say;
  #last: Promise<void> = Promise.resolve();

  constructor(house: House, limits: Limits, say: Say) {
    this.#house = house;
    this.limits = limits;
    this.#say = say;
  }

  /**
   * Resolves when there is room for a model, which then counts as loading. A model that is larger than
   * all there is gets it all, and the operator is told.
   *
   * @throws the signal's reason.
   */
  async admit(tenant: Tenancy, signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const before = this.#last;
    this.#last = turn.promise;
    try {
      await abortable(before, signal);
      tenant.need = await this.limits.memory?.need(tenant.entry) ?? 0;
      await this.#makeRoom(tenant, signal);
      tenant.stage = "loading";
    } finally {
      // One who gives up must not let the next one in before its turn.
      void before.then(turn.resolve);
    }
  }

  async #makeRoom(tenant: Tenancy, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const others = [...this.#house.tenants()].filter(({ stage }) => stage !== "waiting");
      const lack = this.#lackOf(tenant, others);
      if (lack === null) return;
      const victim = victimOf(others);
      if (victim !== undefined) {
        const when = victim.users > 0 ? " once its answers are done" : "";
        this.#say(`Unloading ${victim.entry.name}${when}: ${lack}`);
        await abortable(this.#house.evict(victim), signal);
      } else if (others.length > 0) {
        await abortable(this.#house.changed(), signal);
      } else {
        this.#say(`${lack}, and nothing is left to unload; loading it all the same`);
        return;
      }
    }
  }

  /** Why a model has to wait, as a sentence; null when there is room. */
  #lackOf({ entry, need }: Tenancy, others: readonly Tenancy[]): string | null {
    const { maxModels, memory } = this.limits;
    if (others.length >= maxModels) {
      const count = maxModels === 1 ? "one model is" : `${maxModels} models are`;
      return `${entry.name} is to be loaded, and at most ${count} at once`;
    }
    if (memory === undefined) return null;
    const room = others.reduce((left, one) => left - one.unseen, memory.available());
    if (need <= room) return null;
    return `${entry.name} needs ${gigabytes(need)} of memory, and ${
      gigabytes(Math.max(0, room))
    } are free`;
  }
}

/** Who goes next, of those that may be asked to. */
function victimOf(tenants: readonly Tenancy[]): Tenancy | undefined {
  const rank = (one: Tenancy) => (one.isPinned ? 2 : 0) + (one.users > 0 ? 1 : 0);
  return tenants.filter(({ stage }) => stage === "loaded")
    .sort((a, b) => rank(a) - rank(b) || a.lastUsed - b.lastUsed)[0];
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
