import type { Keyboard } from "../../src/cli/environment/environment.ts";

/** A keyboard on which a test types. */
export class KeyboardDouble implements Keyboard {
  columns = 80;
  isRaw = false;
  /** Reads that have begun. */
  reads = 0;
  readonly #pieces: (Uint8Array | null)[] = [];
  #waiting: ((bytes: Uint8Array | null) => void) | null = null;
  readonly #resized = new Set<() => void>();

  /** Types a text, with the sequences of special keys. */
  type(text: string): void {
    this.#give(new TextEncoder().encode(text));
  }

  /** Closes the terminal. */
  end(): void {
    this.#give(null);
  }

  resize(columns: number): void {
    this.columns = columns;
    for (const handler of this.#resized) handler();
  }

  read(): Promise<Uint8Array | null> {
    this.reads++;
    const piece = this.#pieces.shift();
    if (piece !== undefined) return Promise.resolve(piece);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  setRaw(isRaw: boolean): void {
    this.isRaw = isRaw;
  }

  onResize(handler: () => void): Disposable {
    this.#resized.add(handler);
    return { [Symbol.dispose]: () => this.#resized.delete(handler) };
  }

  #give(piece: Uint8Array | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#pieces.push(piece);
    else waiting(piece);
  }
}
