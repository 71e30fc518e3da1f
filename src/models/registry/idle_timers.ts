import { formatKeepAlive, type KeepAlive } from "../entry/mod.ts";
import type { Log, Reservation } from "../memory/mod.ts";
import type { Clock } from "./clock.ts";

export interface IdleTimersOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Unloads a model when its requests are done. */
  readonly evict: (reservation: Reservation) => Promise<void>;
}

/** Unloads models that are idle for their keep-alive. */
export class IdleTimers {
  /** Keep-alive of models and requests without one. */
  defaultKeepAlive: KeepAlive;
  readonly #options: IdleTimersOptions;

  constructor(options: IdleTimersOptions, defaultKeepAlive: KeepAlive) {
    this.#options = options;
    this.defaultKeepAlive = defaultKeepAlive;
  }

  /** Restarts the timer of a model, or stops it while the model is in use. A timeout of 0 unloads at once. */
  update(reservation: Reservation): void {
    reservation.cancelIdleTimer();
    if (reservation.users > 0) return;
    const ms = reservation.idleTime(this.defaultKeepAlive);
    if (ms === 0) void this.#options.evict(reservation);
    else this.#start(reservation, ms);
  }

  /**
   * Starts the timer of a model that has just been loaded. Callers that wait for the load get the
   * model first, even if its idle timeout is 0.
   */
  startLoaded(reservation: Reservation): void {
    if (reservation.users > 0) return;
    this.#start(reservation, reservation.idleTime(this.defaultKeepAlive));
  }

  /** Milliseconds until the idle unload; null without an idle timeout. */
  expiresIn(reservation: Reservation): number | null {
    const { clock } = this.#options;
    if (reservation.expires !== null) return Math.max(0, reservation.expires - clock.now());
    const ms = reservation.idleTime(this.defaultKeepAlive);
    return ms === Infinity ? null : ms;
  }

  #start(reservation: Reservation, ms: KeepAlive): void {
    if (ms === Infinity) return;
    const { clock, log, evict } = this.#options;
    reservation.startIdleTimer(
      clock.now() + ms,
      clock.after(ms, () => {
        log(`Unloading ${reservation.entry.name}: idle for ${formatKeepAlive(ms)}`);
        void evict(reservation);
      }),
    );
  }
}
