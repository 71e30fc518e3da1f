/**
 * What each owner uses of something that is limited for all of them together, such as memory. Above the limit,
 * the owner with the most gives up first, so that no owner can take what the others keep.
 */
export class Shares<Owner> {
  readonly #amounts = new Map<Owner, number>();
  #total = 0;

  /** What all owners use together. */
  get total(): number {
    return this.#total;
  }

  /** The owner that uses the most; of several, the one that began first. Undefined without owners. */
  get largest(): Owner | undefined {
    let largest: Owner | undefined;
    let most = 0;
    for (const [owner, amount] of this.#amounts) {
      if (amount > most) [largest, most] = [owner, amount];
    }
    return largest;
  }

  /** Adds to what an owner uses; a negative amount takes away. */
  add(owner: Owner, amount: number): void {
    this.#total += amount;
    const sum = (this.#amounts.get(owner) ?? 0) + amount;
    if (sum === 0) this.#amounts.delete(owner);
    else this.#amounts.set(owner, sum);
  }
}
