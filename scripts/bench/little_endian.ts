/** Writer of little-endian values. */
export class LittleEndian {
  #bytes = new Uint8Array(1 << 20);
  #length = 0;

  #room(size: number): DataView<ArrayBuffer> {
    while (this.#length + size > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const view = new DataView(this.#bytes.buffer, this.#length, size);
    this.#length += size;
    return view;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#length;
    this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  u32(value: number): this {
    this.#room(4).setUint32(0, value, true);
    return this;
  }

  f32(value: number): this {
    this.#room(4).setFloat32(0, value, true);
    return this;
  }

  u64(value: number): this {
    this.#room(8).setBigUint64(0, BigInt(value), true);
    return this;
  }

  /** A text preceded by its length in bytes. */
  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u64(bytes.length).raw(bytes);
  }

  /** Reserves space for a number that is set later. */
  hole64(): (value: number) => void {
    const at = this.#length;
    this.#room(8);
    return (value) => new DataView(this.#bytes.buffer, at, 8).setBigUint64(0, BigInt(value), true);
  }

  /** All bytes, padded with zeros to the alignment. */
  padded(alignment: number): Uint8Array<ArrayBuffer> {
    this.#room((alignment - this.#length % alignment) % alignment);
    return this.#bytes.slice(0, this.#length);
  }
}
