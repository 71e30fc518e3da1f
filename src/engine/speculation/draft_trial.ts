/** Steps of each way before they are compared. */
const MIN_STEPS = 8;
/** Steps after which older times count half. */
const MEMORY_STEPS = 64;
/** Tokens to generate without drafts after drafts were slower. */
const PAUSE_TOKENS = 256;

/** Times of steps with or without drafts. */
class Times {
  steps = 0;
  tokens = 0;
  ms = 0;

  add(tokens: number, ms: number): void {
    this.steps++;
    this.tokens += tokens;
    this.ms += ms;
    if (this.steps < MEMORY_STEPS) return;
    this.steps /= 2;
    this.tokens /= 2;
    this.ms /= 2;
  }

  get msPerToken(): number {
    return this.ms / this.tokens;
  }
}

/**
 * Decides by time whether drafts pay for a memory that returns to checkpoints: a checkpoint is copied before
 * each draft, and after a rejected token the accepted ones are computed again. The cost depends on the
 * size of the state, and the gain on the text, so both ways are timed.
 */
export class DraftTrial {
  #plain = new Times();
  #drafted = new Times();
  #pause = 0;

  /** Whether the next step may have a draft. The first steps have none. */
  get mayDraft(): boolean {
    return this.#pause === 0 && this.#plain.steps >= MIN_STEPS;
  }

  /** Records a step without a draft that gave one token. */
  recordPlain(ms: number): void {
    this.#plain.add(1, ms);
    if (this.#pause > 0) this.#pause--;
  }

  /**
   * Records a step with a draft, or the step after it that computes accepted tokens again.
   * @param tokens tokens that the step gave.
   */
  recordDrafted(tokens: number, ms: number): void {
    this.#drafted.add(tokens, ms);
    if (this.#drafted.steps < MIN_STEPS) return;
    if (this.#drafted.msPerToken <= this.#plain.msPerToken) return;
    this.#pause = PAUSE_TOKENS;
    this.#drafted = new Times();
    this.#plain = new Times();
  }
}
