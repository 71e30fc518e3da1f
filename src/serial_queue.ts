/** Runs pieces of work one after the other. */
export class SerialQueue {
  #last: Promise<void> = Promise.resolve();

  /**
   * Runs work when all earlier work has ended, also if that has failed.
   *
   * @returns the result of the work, or its error.
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#last.then(work);
    // The promise that stays has no value.
    this.#last = running.then(() => {}, () => {});
    return running;
  }
}
