import { ShimmyError } from "../../errors.ts";
import type { LoadPlan } from "../../engine/planning/mod.ts";

/** Maximum number of different models whose plans wait or run. */
const MAX_PLANS = 8;
/** Seconds after which a client may try again. */
const RETRY_AFTER = 2;

interface SharedPlan {
  readonly plan: Promise<LoadPlan>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * Plans of loads. Each needs a process, so one runs at a time, and all who ask for the same model
 * meanwhile share its plan. A plan that nobody waits for is aborted.
 */
export class SharedPlans {
  readonly #plans = new Map<string, SharedPlan>();
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param key Plans with the same key are the same.
   * @throws {ShimmyError} `overloaded` if too many models are being planned; `cancelled`.
   */
  async get(
    key: string,
    signal: AbortSignal | undefined,
    make: (signal: AbortSignal) => Promise<LoadPlan>,
  ): Promise<LoadPlan> {
    if (signal?.aborted) throw cancelled();
    const shared = this.#plans.get(key) ?? this.#start(key, make);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(cancelled());
    signal?.addEventListener("abort", onAbort);
    shared.waiting++;
    try {
      return await Promise.race([shared.plan, aborted]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      if (--shared.waiting === 0) this.#drop(key, shared);
    }
  }

  #start(key: string, make: (signal: AbortSignal) => Promise<LoadPlan>): SharedPlan {
    if (this.#plans.size >= MAX_PLANS) {
      throw new ShimmyError("overloaded", "Too many loads are being planned", {
        retryAfter: RETRY_AFTER,
      });
    }
    const controller = new AbortController();
    const plan = this.#last.then(() => {
      if (controller.signal.aborted) throw cancelled();
      return make(controller.signal);
    });
    this.#last = plan.catch(() => {});
    const shared = { plan, controller, waiting: 0 };
    this.#plans.set(key, shared);
    return shared;
  }

  #drop(key: string, shared: SharedPlan): void {
    if (this.#plans.get(key) === shared) this.#plans.delete(key);
    shared.controller.abort();
  }
}

function cancelled(): ShimmyError {
  return new ShimmyError("cancelled", "The request was cancelled");
}
