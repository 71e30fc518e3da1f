/** Weight of a new measurement. */
const NEW = 0.3;
/** A lookup that is left out makes the next one likelier: otherwise one slow lookup would end all lookups. */
const FORGET = 0.95;
/** Parts of the time to compute a prompt that a lookup may take, so that one in vain costs little. */
const PARTS = 4;
/** Milliseconds of a lookup before any was measured: one within a data center. */
const GUESS_MS = 20;
/** Milliseconds to wait, at most; also where the speed of the model is not known. */
const LONGEST_WAIT_MS = 10_000;

/** Decides how long a request waits for a shared state. */
export class LookupCost {
  #lookupMs = GUESS_MS;

  /** Records a lookup. */
  record(ms: number): void {
    this.#lookupMs = this.#lookupMs * (1 - NEW) + ms * NEW;
  }

  /**
   * Milliseconds that a request should wait; 0 if it should not ask.
   *
   * @param tokens tokens of its prompt that are left to compute
   * @param msPerToken time to compute one; 0 if not known
   */
  patience(tokens: number, msPerToken: number): number {
    if (msPerToken === 0) return LONGEST_WAIT_MS;
    const computing = tokens * msPerToken;
    if (this.#lookupMs * PARTS <= computing) return Math.min(computing, LONGEST_WAIT_MS);
    this.#lookupMs *= FORGET;
    return 0;
  }
}
