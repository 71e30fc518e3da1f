/** How one request ended. */
export type Outcome =
  | { readonly is: "answered" }
  /** The server answered with a status of an error, in the shape of its dialect. */
  | {
    readonly is: "refused";
    readonly status: number;
    readonly message: string;
    /** Seconds after which the server asks for a retry; null if it does not say. */
    readonly retryAfter: number | null;
  }
  /** The stream ended with an error event. */
  | { readonly is: "failed"; readonly message: string }
  | { readonly is: "lost"; readonly why: string };

/** What the server promises while something goes wrong. */
export interface Promised {
  /** Statuses of refusals. */
  readonly statuses: readonly number[];
  /** Messages of refusals and of errors in streams. */
  readonly errors: RegExp;
}

/** Nothing is wrong with the model: only a full queue is a reason to refuse. */
export const CALM: Promised = { statuses: [503], errors: /^The queue / };

/** The process of a model ends, perhaps several times, so that its next load has to wait. */
export const MODEL_ENDS: Promised = {
  statuses: [502, 503],
  errors:
    /^(The queue |The model's process (ended by SIGKILL|does not respond)$|The model is no longer loaded$|Model '[^']+' failed; the next attempt is in )/,
};

/** Losses that are kept with their reason. */
const MAX_REASONS = 50;

/** Counts the outcomes of requests. An error that is not promised is a loss. */
export class Tally {
  #answered = 0;
  #failed = 0;
  #lost = 0;
  readonly #refused = new Map<number, number>();
  readonly #reasons: string[] = [];
  readonly #kinds = new Map<string, number>();

  constructor(readonly promised: Promised) {}

  add(kind: string, outcome: Outcome): void {
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    switch (outcome.is) {
      case "answered":
        this.#answered++;
        return;
      case "refused": {
        const { status, message } = outcome;
        const isPromised = this.promised.statuses.includes(status) &&
          this.promised.errors.test(message);
        if (!isPromised) return this.#lose(kind, `status ${status}: ${message}`);
        this.#refused.set(status, (this.#refused.get(status) ?? 0) + 1);
        return;
      }
      case "failed":
        if (!this.promised.errors.test(outcome.message)) {
          return this.#lose(kind, `the stream ended with: ${outcome.message}`);
        }
        this.#failed++;
        return;
      case "lost":
        this.#lose(kind, outcome.why);
    }
  }

  #lose(kind: string, why: string): void {
    this.#lost++;
    if (this.#reasons.length < MAX_REASONS) this.#reasons.push(`${kind}: ${why}`);
  }

  get counts(): Counts {
    return {
      answered: this.#answered,
      refused: Object.fromEntries(this.#refused),
      failed: this.#failed,
      lost: this.#lost,
    };
  }

  /** Reasons of the losses. */
  get reasons(): readonly string[] {
    return this.#reasons;
  }

  /** Requests by kind. */
  get kinds(): ReadonlyMap<string, number> {
    return this.#kinds;
  }
}

export interface Counts {
  readonly answered: number;
  /** By status. */
  readonly refused: Readonly<Record<number, number>>;
  /** Streams that ended with a promised error. */
  readonly failed: number;
  readonly lost: number;
}

/** The sum of counts. */
export function addCounts(one: Counts, other: Counts): Counts {
  const refused: Record<number, number> = { ...one.refused };
  for (const [status, count] of Object.entries(other.refused)) {
    refused[Number(status)] = (refused[Number(status)] ?? 0) + count;
  }
  return {
    answered: one.answered + other.answered,
    refused,
    failed: one.failed + other.failed,
    lost: one.lost + other.lost,
  };
}

export const NO_COUNTS: Counts = { answered: 0, refused: {}, failed: 0, lost: 0 };
