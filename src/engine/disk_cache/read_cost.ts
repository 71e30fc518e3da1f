/** Weight of a new measurement. */
const NEW = 0.3;
/** Growth of the estimated rate when a read is left out: otherwise one slow read would end all reads. */
const FORGET = 1.05;
/** Milliseconds to wait for a read while the speed of the model is not known. */
const LONGEST_WAIT_MS = 10_000;

/** Decides whether reading a state takes less time than computing its tokens. */
export class ReadCost {
  /** Bytes per millisecond; 0 before the first read. */
  #rate = 0;

  /** Records a read. */
  record(bytes: number, ms: number): void {
    const measured = bytes / Math.max(ms, 0.01);
    this.#rate = this.#rate === 0 ? measured : this.#rate * (1 - NEW) + measured * NEW;
  }

  /**
   * Milliseconds that a request should wait for a read; 0 if computing is faster.
   *
   * @param tokens tokens that the state saves
   * @param msPerToken time to compute a token of a prompt; 0 if not known
   */
  patience(bytes: number, tokens: number, msPerToken: number): number {
    if (msPerToken === 0) return LONGEST_WAIT_MS;
    const computing = tokens * msPerToken;
    if (this.#rate === 0 || bytes / this.#rate <= computing) return computing;
    this.#rate *= FORGET;
    return 0;
  }
}
