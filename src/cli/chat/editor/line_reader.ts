import type { Environment } from "../../environment/mod.ts";
import { IdleInterrupts, Interrupts, LEAVE_HINT } from "./interrupts.ts";
import { Left, type MessageReader } from "./message_reader.ts";
import { isIncomplete, messageText, withNextLine } from "./message_text.ts";

/** Reads messages from a pipe, or from a terminal that cannot move its cursor. */
export class LineReader implements MessageReader {
  keepsHistory = false;
  readonly #environment: Environment;
  readonly #interrupts: Interrupts;
  readonly #idle = new IdleInterrupts();
  readonly #left = Promise.withResolvers<never>();

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#left.promise.catch(() => {});
    this.#interrupts = new Interrupts(environment);
    this.#interrupts.onIdle(() => {
      if (this.#idle.press()) this.#left.reject(new Left());
      else environment.output.alert(`\n${LEAVE_HINT}`);
    });
  }

  async read(): Promise<string | null> {
    const message = await Promise.race([this.#lines(), this.#left.promise]);
    this.#idle.reset();
    return message;
  }

  during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#interrupts.during(work);
  }

  release<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.during(work);
  }

  lend<T>(work: () => Promise<T>): Promise<T> {
    return this.#interrupts.lent(work);
  }

  async #lines(): Promise<string | null> {
    const { input, output } = this.#environment;
    let text: string | null = null;
    for (;;) {
      if (input.isTerminal) await output.write(text === null ? "> " : "… ");
      const line = await input.line();
      if (line === null) return text === null ? null : messageText(text.trimEnd());
      text = (text ?? "") + line;
      if (!isIncomplete(text)) return messageText(text);
      text = withNextLine(text);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#interrupts[Symbol.dispose]();
    return Promise.resolve();
  }
}
