import { MAIN_MEMORY, type MemoryEstimate, type MemoryProbe } from "./memory_requirement.ts";
import { bytesOnDevices, type Reservation } from "./reservation.ts";

/** Limits for all loaded models together. */
export interface AdmissionLimits {
  /** Maximum number of loaded models. */
  readonly maxModels: number;
  /** If absent, admission does not check memory. */
  readonly memory?: MemoryProbe;
}

/** The loaded models, as admission needs them. */
export interface LoadedModels {
  /** Reservations of all models that are loaded, loading or unloading. */
  reservations(): Iterable<Reservation>;
  /** Unloads a model when its requests are done. New requests cannot use it from now on. */
  evict(reservation: Reservation): Promise<void>;
  /** Resolves when a reservation has changed. */
  changed(): Promise<void>;
}

/** Writes a line to the operator's log. */
export type Log = (line: string) => void;

/** Why a model has to wait. */
interface Shortage {
  /** A sentence without its full stop. */
  readonly reason: string;
  /** The memory that is short. Null if too many models are loaded. */
  readonly memory: string | null;
}

const NO_REQUIREMENTS: MemoryEstimate = { requirements: [], canOffloadLess: false };

/**
 * Admits models in the order of their requests and frees memory for each of them. The least
 * recently used model is unloaded first, a model in use only when its requests are done, pinned
 * models last. If a device is short of memory, only models that use this device are unloaded. If
 * the new model can run with fewer layers on the device, models in use and pinned models stay.
 */
export class Admission {
  limits: AdmissionLimits;
  readonly #models: LoadedModels;
  readonly #log: Log;
  #last: Promise<void> = Promise.resolve();

  constructor(models: LoadedModels, limits: AdmissionLimits, log: Log) {
    this.#models = models;
    this.limits = limits;
    this.#log = log;
  }

  /**
   * Resolves when there is room for a model. The model then counts as loading. A model that is
   * larger than all memory is still admitted, with a line in the log.
   *
   * @throws {ShimmyError} The error of the memory estimate.
   * @throws The signal's reason.
   */
  async admit(reservation: Reservation, signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const before = this.#last;
    this.#last = turn.promise;
    try {
      await abortable(before, signal);
      await this.#freeMemory(reservation, signal);
      reservation.stage = "loading";
    } finally {
      // A cancelled load must not admit the next model before its turn.
      void before.then(turn.resolve);
    }
  }

  async #freeMemory(reservation: Reservation, signal: AbortSignal): Promise<void> {
    let fitLayers = false;
    for (;;) {
      signal.throwIfAborted();
      // If the model limit is reached, another model has to be unloaded first. The estimate can
      // wait.
      const full = this.#modelLimit(reservation, this.#others());
      const estimate = full === null
        ? await this.#estimate(reservation, fitLayers, signal)
        : NO_REQUIREMENTS;
      const others = this.#others();
      const shortage = full ?? this.#modelLimit(reservation, others) ??
        this.#shortage(reservation, estimate, others, fitLayers);
      if (shortage === null) return;
      const { memory, reason } = shortage;
      const users = memory === null ? others : others.filter((one) => one.bytesIn(memory) > 0);
      const onDevice = memory !== null && memory !== MAIN_MEMORY;
      if (onDevice && users.some(isInTransition)) {
        // The free memory of the device is unknown until these models are loaded or unloaded.
        await abortable(this.#models.changed(), signal);
        continue;
      }
      const canOffloadLess = onDevice && estimate.canOffloadLess;
      const candidate = nextToUnload(canOffloadLess ? users.filter(isIdle) : users);
      if (candidate !== undefined) {
        const when = candidate.users > 0 ? " when its requests are done" : "";
        this.#log(`Unloading ${candidate.entry.name}${when}: ${reason}`);
        await abortable(this.#models.evict(candidate), signal);
      } else if (canOffloadLess) {
        fitLayers = true;
        if (users.length > 0) this.#log(`${reason}; offloading as many layers as fit`);
      } else if (users.length > 0) {
        await abortable(this.#models.changed(), signal);
      } else {
        this.#log(`${reason}; no model is left to unload, loading it anyway`);
        return;
      }
    }
  }

  async #estimate(
    reservation: Reservation,
    fitLayers: boolean,
    signal: AbortSignal,
  ): Promise<MemoryEstimate> {
    const { memory } = this.limits;
    if (memory === undefined) return NO_REQUIREMENTS;
    const onDevices = bytesOnDevices(this.#models.reservations());
    const estimate = await abortable(
      memory.estimate(reservation.entry, { fitLayers, onDevices, signal }),
      signal,
    );
    reservation.required = new Map(
      estimate.requirements.map(({ memory, required }) => [memory, required]),
    );
    return estimate;
  }

  #others(): Reservation[] {
    return [...this.#models.reservations()].filter(({ stage }) => stage !== "waiting");
  }

  #modelLimit({ entry }: Reservation, others: readonly Reservation[]): Shortage | null {
    const { maxModels } = this.limits;
    if (others.length < maxModels) return null;
    const count = maxModels === 1 ? "one loaded model" : `${maxModels} loaded models`;
    return { memory: null, reason: `${entry.name} would exceed the limit of ${count}` };
  }

  #shortage(
    { entry }: Reservation,
    { requirements }: MemoryEstimate,
    others: readonly Reservation[],
    fitLayers: boolean,
  ): Shortage | null {
    for (const { memory, required, free } of requirements) {
      const isMainMemory = memory === MAIN_MEMORY;
      // With as many layers as fit on the devices, the devices have room by definition.
      if (fitLayers && !isMainMemory) continue;
      const room = others.reduce((left, one) => left - one.pending(memory), free);
      if (required <= room) continue;
      const left = gigabytes(Math.max(0, room));
      const reason = isMainMemory
        ? `${entry.name} needs ${gigabytes(required)} of memory, but only ${left} are free`
        : `${entry.name} needs ${
          gigabytes(required)
        } on ${memory}, but only ${left} are available there`;
      return { memory, reason };
    }
    return null;
  }
}

/** The model is loading or unloading, so its memory use is changing. */
function isInTransition({ stage, users }: Reservation): boolean {
  return stage === "loading" || (stage === "unloading" && users === 0);
}

function isIdle({ users, isPinned }: Reservation): boolean {
  return users === 0 && !isPinned;
}

/** The next model to unload, from those that can be unloaded. */
function nextToUnload(reservations: readonly Reservation[]): Reservation | undefined {
  const rank = (one: Reservation) => (one.isPinned ? 2 : 0) + (one.users > 0 ? 1 : 0);
  return reservations.filter(({ stage }) => stage === "loaded")
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
