/** Writes numbers of any length in bits, the highest bit first. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #bits = 0;

  /** Appends the lowest `length` bits of a number; negative ones in two's complement. */
  write(value: number, length: number): this {
    for (let bit = length - 1; bit >= 0; bit--) {
      if (this.#bits % 8 === 0) this.#bytes.push(0);
      const set = Math.floor(value / 2 ** bit) & 1;
      this.#bytes[this.#bytes.length - 1]! |= set << (7 - this.#bits % 8);
      this.#bits++;
    }
    return this;
  }

  /** Appends zeros up to a number of bytes. */
  fill(bytes: number): this {
    while (this.#bytes.length < bytes) this.#bytes.push(0);
    this.#bits = this.#bytes.length * 8;
    return this;
  }

  /** Bytes that are begun. */
  get length(): number {
    return this.#bytes.length;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }
}
