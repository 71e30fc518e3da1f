import type { EngineStatus } from "../../../../engine/protocol/mod.ts";

/** Tokens a second of a model. */
export interface Rates {
  /** Prompt tokens that were not cached. A prompt counts when its sequence starts. */
  readonly prompt_per_second: number;
  readonly completion_per_second: number;
}

export const NO_RATES: Rates = { prompt_per_second: 0, completion_per_second: 0 };

/** Tokens since the load, with those of running sequences, and the time in milliseconds. */
interface Counts {
  readonly at: number;
  readonly prompt: number;
  readonly completion: number;
}

/** Computes rates of models from the counts of two successive statuses. */
export class RateMeter {
  readonly #last = new Map<string, Counts>();

  /** The rates since the last status of the model; zero for its first one. */
  update(model: string, status: EngineStatus, now: number): Rates {
    const counts = countsOf(status, now);
    const last = this.#last.get(model);
    this.#last.set(model, counts);
    if (last === undefined || now <= last.at) return NO_RATES;
    const seconds = (now - last.at) / 1000;
    return {
      prompt_per_second: rate(counts.prompt - last.prompt, seconds),
      completion_per_second: rate(counts.completion - last.completion, seconds),
    };
  }

  /** Forgets the models that are not listed: another load counts from zero. */
  keep(models: ReadonlySet<string>): void {
    for (const model of this.#last.keys()) if (!models.has(model)) this.#last.delete(model);
  }
}

/** Counters have the sequences that ended; those that run are in the slots. */
function countsOf(status: EngineStatus, at: number): Counts {
  let prompt = status.promptTokens - status.cachedTokens;
  let completion = status.completionTokens;
  for (const { running } of status.slots) {
    if (running === null) continue;
    prompt += running.promptTokens - running.cachedTokens;
    completion += running.completionTokens;
  }
  return { at, prompt, completion };
}

/** Not below zero: a preempted sequence has no slot until it goes on. One decimal. */
function rate(tokens: number, seconds: number): number {
  return Math.round(Math.max(0, tokens) / seconds * 10) / 10;
}
