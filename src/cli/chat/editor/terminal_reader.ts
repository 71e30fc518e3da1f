import type { Environment, Keyboard } from "../../environment/mod.ts";
import { fileReason } from "../../../errors.ts";
import type { HistoryFile } from "./history_file.ts";
import { HistorySearch } from "./history_search.ts";
import { IdleInterrupts, Interrupts, LEAVE_HINT } from "./interrupts.ts";
import { type Key, KeyParser } from "./key_parser.ts";
import { LineEditor } from "./line_editor.ts";
import { type Complete, Left, type MessageReader } from "./message_reader.ts";
import { isIncomplete, messageText, withNextLine } from "./message_text.ts";
import { TerminalOutput } from "./terminal_output.ts";

const PROMPT = "> ";
/** Bracketed paste: the terminal marks the begin and the end of a paste. */
const PASTE_ON = "\x1b[?2004h";
const PASTE_OFF = "\x1b[?2004l";

/** Reads messages from a terminal, key by key. Keys that come during an answer wait for the prompt. */
export class TerminalReader implements MessageReader {
  keepsHistory = true;
  readonly #environment: Environment;
  readonly #keyboard: Keyboard;
  readonly #file: HistoryFile;
  readonly #interrupts: Interrupts;
  readonly #idle = new IdleInterrupts();
  readonly #output: TerminalOutput;
  readonly #editor: LineEditor;
  readonly #parser = new KeyParser();
  readonly #decoder = new TextDecoder();
  /** Keys that wait for the prompt. */
  readonly #waiting: Key[] = [];
  /** The prompt's result; null while nothing is read. */
  #reading: PromiseWithResolvers<string | null> | null = null;
  #search: HistorySearch | null = null;
  readonly #gate = new Gate();
  #hasEnded = false;
  #hasToldUnkept = false;
  /** Messages that are being written to the history, one after the other. */
  #kept: Promise<void> = Promise.resolve();
  /** Lines may wait that were typed before the terminal sent keys one by one. */
  #mayHaveLines = true;

  /** Takes the keyboard until disposed. @param complete completes what Tab follows. */
  static async open(
    environment: Environment,
    keyboard: Keyboard,
    file: HistoryFile,
    complete: Complete,
  ): Promise<TerminalReader> {
    return new TerminalReader(environment, keyboard, file, await file.read(), complete);
  }

  private constructor(
    environment: Environment,
    keyboard: Keyboard,
    file: HistoryFile,
    history: readonly string[],
    complete: Complete,
  ) {
    this.#environment = environment;
    this.#keyboard = keyboard;
    this.#file = file;
    this.#interrupts = new Interrupts(environment);
    this.#interrupts.onIdle(() => this.#interrupt());
    this.#output = new TerminalOutput(environment, () => this.#reading !== null);
    this.#editor = new LineEditor({
      output: this.#output,
      setRaw: (isRaw) => keyboard.setRaw(isRaw),
      history,
      complete,
      onMessage: (text) => this.#submit(text),
    });
    this.#take();
    void this.#readKeys();
  }

  async read(): Promise<string | null> {
    if (this.#hasEnded && this.#waiting.length === 0) return null;
    const reading = this.#reading = Promise.withResolvers();
    this.#editor.draw(PROMPT);
    this.#replay();
    if (this.#hasEnded) this.#end(null);
    if (this.#reading !== null) this.#gate.open();
    const message = await reading.promise;
    await this.#output.flush();
    this.#idle.reset();
    return message;
  }

  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#gate.open();
    try {
      return await this.#interrupts.during(work);
    } finally {
      this.#gate.close();
    }
  }

  release<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#without(() => this.#interrupts.during(work));
  }

  lend<T>(work: () => Promise<T>): Promise<T> {
    return this.#without(() => this.#interrupts.lent(work));
  }

  /** Does work while the terminal sends lines, and takes it back. */
  async #without<T>(work: () => Promise<T>): Promise<T> {
    this.#give();
    await this.#output.flush();
    try {
      return await work();
    } finally {
      this.#take();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    this.#interrupts[Symbol.dispose]();
    this.#editor[Symbol.dispose]();
    this.#output[Symbol.dispose]();
    this.#give();
    await this.#output.flush().catch(() => {});
    await this.#kept;
  }

  #take(): void {
    this.#keyboard.setRaw(true);
    this.#output.write(PASTE_ON);
  }

  #give(): void {
    this.#mayHaveLines = true;
    this.#output.write(PASTE_OFF);
    this.#keyboard.setRaw(false);
  }

  async #readKeys(): Promise<void> {
    while (!this.#hasEnded) {
      await this.#gate.opened();
      const bytes = await this.#keyboard.read().catch(() => null);
      if (bytes === null) return this.#close();
      const text = this.#decoder.decode(bytes, { stream: true });
      // Such a line ends with a line feed, which Ctrl-J sends otherwise.
      const input = this.#mayHaveLines ? text.replaceAll("\n", "\r") : text;
      this.#mayHaveLines = false;
      for (const key of this.#parser.push(input)) {
        if (this.#reading !== null) this.#handle(key);
        else if (key.type === "interrupt") this.#interrupts.press();
        else this.#waiting.push(key);
      }
    }
  }

  #close(): void {
    this.#hasEnded = true;
    if (this.#reading !== null) this.#end(null);
  }

  #replay(): void {
    while (this.#reading !== null && this.#waiting.length > 0) {
      this.#handle(this.#waiting.shift()!);
    }
  }

  #handle(key: Key): void {
    if (this.#search !== null && this.#handleSearch(key, this.#search)) return;
    const editor = this.#editor;
    switch (key.type) {
      case "text":
        return editor.keys(key.text);
      case "paste":
        return editor.insert(key.text);
      case "newline":
        return editor.insert("\n");
      case "return":
        if (isIncomplete(editor.text)) return editor.set(withNextLine(editor.text));
        return editor.keys("\r");
      case "up":
      case "down":
        if (editor.moveLine(key.type)) return;
        return editor.keys(key.type === "up" ? "\x1b[A" : "\x1b[B");
      case "search":
        this.#search = new HistorySearch(editor.history, editor.text);
        return this.#showSearch(this.#search);
      case "interrupt":
        return this.#interrupts.press();
      case "end":
        if (editor.text !== "") return editor.keys("\x04");
        editor.discard();
        return this.#end(null);
    }
  }

  /** @returns whether the key was one of the search; another key ends the search. */
  #handleSearch(key: Key, search: HistorySearch): boolean {
    if (key.type === "search") search.older();
    else if (key.type === "paste") search.type(key.text);
    else if (key.type === "text" && /^[\x7f\b]/.test(key.text)) search.erase();
    else if (key.type === "text" && /^\P{Cc}/u.test(key.text)) search.type(key.text);
    else {
      const isCancelled = key.type === "interrupt" ||
        // deno-lint-ignore no-control-regex
        (key.type === "text" && /^(?:\x1b|\x07)$/.test(key.text));
      this.#search = null;
      this.#editor.draw(PROMPT);
      this.#editor.set(isCancelled ? search.before : search.match || search.before);
      return isCancelled;
    }
    this.#showSearch(search);
    return true;
  }

  #showSearch(search: HistorySearch): void {
    this.#editor.draw(search.prompt);
    this.#editor.set(search.match);
  }

  #interrupt(): void {
    const isSecond = this.#idle.press();
    if (this.#reading === null) return;
    this.#editor.discard();
    if (isSecond) {
      this.#reading.reject(new Left());
      this.#reading = null;
      return;
    }
    this.#output.write(`${LEAVE_HINT}\n`);
    this.#editor.draw(PROMPT);
  }

  #submit(text: string): void {
    if (text.trim() !== "") {
      if (!this.keepsHistory) this.#editor.forget();
      else {this.#kept = this.#kept.then(() => this.#file.add(text)).catch((error) =>
          this.#tellUnkept(error)
        );}
    }
    this.#end(messageText(text));
  }

  /** Tells once that messages are not kept. */
  #tellUnkept(error: unknown): void {
    if (this.#hasToldUnkept) return;
    this.#hasToldUnkept = true;
    this.#environment.output.alert(`Cannot keep the history: ${fileReason(error)}`);
  }

  #end(message: string | null): void {
    this.#reading?.resolve(message);
    this.#reading = null;
    this.#gate.close();
  }
}

/** Lets the next read of the keyboard begin. A read that has begun cannot be taken back. */
class Gate {
  #isOpen = false;
  #wake = () => {};

  open(): void {
    this.#isOpen = true;
    this.#wake();
  }

  close(): void {
    this.#isOpen = false;
  }

  async opened(): Promise<void> {
    while (!this.#isOpen) await new Promise<void>((resolve) => this.#wake = resolve);
  }
}
