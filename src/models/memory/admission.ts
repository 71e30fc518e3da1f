import { MAIN_MEMORY, type MemoryLimits, type Survey } from "./memory_requirement.ts";
import { heldOnDevices, type Tenancy } from "./reservation.ts";

/** What models may take together. */
export interface Limits {
  /** Models that are loaded at once, at most. */
  readonly maxModels: number;
  /** Where absent, memory is not looked at. */
  readonly memory?: MemoryLimits;
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

/** Why a model has to wait. */
interface Lack {
  /** As a sentence without its full stop. */
  readonly why: string;
  /** The memory that is short; null where there are too many models. */
  readonly memory: string | null;
}

const NOTHING: Survey = { demands: [], canShrink: false };

/**
 * Lets models in one after the other, in the order in which they came, and makes room for each: the
 * least recently used goes first, one that is used only when it is done, pinned ones last. For want of
 * a device's memory only those go that have some of it; a model that may do with fewer layers there
 * sends none away that is used or pinned.
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
   * @throws {ShimmyError} what looking at its needs throws.
   * @throws the signal's reason.
   */
  async admit(tenant: Tenancy, signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const before = this.#last;
    this.#last = turn.promise;
    try {
      await abortable(before, signal);
      await this.#makeRoom(tenant, signal);
      tenant.stage = "loading";
    } finally {
      // One who gives up must not let the next one in before its turn.
      void before.then(turn.resolve);
    }
  }

  async #makeRoom(tenant: Tenancy, signal: AbortSignal): Promise<void> {
    let fewer = false;
    for (;;) {
      signal.throwIfAborted();
      // Where another one has to go first in any case, what this one needs can be found out later.
      const full = this.#tooMany(tenant, this.#others());
      const survey = full === null ? await this.#survey(tenant, fewer, signal) : NOTHING;
      const others = this.#others();
      const lack = full ?? this.#tooMany(tenant, others) ??
        this.#shortage(tenant, survey, others, fewer);
      if (lack === null) return;
      const { memory, why } = lack;
      const there = memory === null ? others : others.filter((one) => one.holds(memory) > 0);
      const onDevice = memory !== null && memory !== MAIN_MEMORY;
      if (onDevice && there.some(isMoving)) {
        // What is free on the device is known again when they have come or gone.
        await abortable(this.#house.changed(), signal);
        continue;
      }
      const spares = onDevice && survey.canShrink;
      const victim = victimOf(spares ? there.filter(isIdle) : there);
      if (victim !== undefined) {
        const when = victim.users > 0 ? " once its answers are done" : "";
        this.#say(`Unloading ${victim.entry.name}${when}: ${why}`);
        await abortable(this.#house.evict(victim), signal);
      } else if (spares) {
        fewer = true;
        if (there.length > 0) this.#say(`${why}; as many of its layers go there as fit`);
      } else if (there.length > 0) {
        await abortable(this.#house.changed(), signal);
      } else {
        this.#say(`${why}, and nothing is left to unload; loading it all the same`);
        return;
      }
    }
  }

  async #survey(tenant: Tenancy, fewer: boolean, signal: AbortSignal): Promise<Survey> {
    const { memory } = this.limits;
    if (memory === undefined) return NOTHING;
    const held = heldOnDevices(this.#house.tenants());
    const survey = await abortable(memory.survey(tenant.entry, { fewer, held, signal }), signal);
    tenant.needs = new Map(survey.demands.map(({ memory, need }) => [memory, need]));
    return survey;
  }

  #others(): Tenancy[] {
    return [...this.#house.tenants()].filter(({ stage }) => stage !== "waiting");
  }

  #tooMany({ entry }: Tenancy, others: readonly Tenancy[]): Lack | null {
    const { maxModels } = this.limits;
    if (others.length < maxModels) return null;
    const count = maxModels === 1 ? "one model is" : `${maxModels} models are`;
    return { memory: null, why: `${entry.name} is to be loaded, and at most ${count} at once` };
  }

  #shortage(
    { entry }: Tenancy,
    { demands }: Survey,
    others: readonly Tenancy[],
    fewer: boolean,
  ): Lack | null {
    for (const { memory, need, free } of demands) {
      const isMain = memory === MAIN_MEMORY;
      // With as many layers as fit on the devices, those have room by definition.
      if (fewer && !isMain) continue;
      const room = others.reduce((left, one) => left - one.unseen(memory), free);
      if (need <= room) continue;
      const left = gigabytes(Math.max(0, room));
      const why = isMain
        ? `${entry.name} needs ${gigabytes(need)} of memory, and ${left} are free`
        : `${entry.name} needs ${gigabytes(need)} on ${memory}, and ${left} may be used there`;
      return { memory, why };
    }
    return null;
  }
}

/** It is coming or going, and its memory with it. */
function isMoving({ stage, users }: Tenancy): boolean {
  return stage === "loading" || (stage === "leaving" && users === 0);
}

function isIdle({ users, isPinned }: Tenancy): boolean {
  return users === 0 && !isPinned;
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
