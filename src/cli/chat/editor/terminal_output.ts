import { EventEmitter } from "node:events";
import type { Environment } from "../../environment/mod.ts";

/** The terminal as `node:readline` writes to it. Writes follow each other. */
export class TerminalOutput extends EventEmitter implements Disposable {
  readonly isTTY = true;
  readonly #environment: Environment;
  readonly #listener: Disposable | undefined;
  #written: Promise<void> = Promise.resolve();
  #error: unknown = null;

  /** @param isEditing whether the prompt is on the screen, which is drawn again when the size changes. */
  constructor(environment: Environment, isEditing: () => boolean) {
    super();
    this.#environment = environment;
    this.#listener = environment.keyboard?.onResize(() => {
      if (isEditing()) this.emit("resize");
    });
  }

  get columns(): number {
    return this.#environment.keyboard?.columns ?? 80;
  }

  write(text: string, callback?: () => void): boolean {
    // In raw mode a line feed alone does not return to the first column.
    const lines = text.replaceAll(/\r?\n/g, "\r\n");
    this.#written = this.#written
      .then(() => this.#environment.output.write(lines))
      .catch((error) => this.#error = error)
      .then(() => callback?.());
    return true;
  }

  /** Resolves when all is written. Rejects with the error of a write, if there was one. */
  async flush(): Promise<void> {
    await this.#written;
    if (this.#error !== null) throw this.#error;
  }

  [Symbol.dispose](): void {
    this.#listener?.[Symbol.dispose]();
  }
}
