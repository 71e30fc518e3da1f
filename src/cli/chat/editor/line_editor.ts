import { EventEmitter } from "node:events";
import { type AsyncCompleter, createInterface, type Interface } from "node:readline";
import type { Complete } from "./message_reader.ts";
import type { TerminalOutput } from "./terminal_output.ts";

/** The entries of the history that the editor keeps. */
export const HISTORY_SIZE = 1000;

/** Input that hands keys to `node:readline` at once; a stream would hand them over later. */
class KeyInput extends EventEmitter {
  /** Called by `node:readline` when Ctrl-Z suspends the program, and when it goes on. */
  readonly setRawMode: (isRaw: boolean) => void;

  constructor(setRawMode: (isRaw: boolean) => void) {
    super();
    this.setRawMode = setRawMode;
  }

  resume(): this {
    return this;
  }

  pause(): this {
    return this;
  }
}

/** The parts of `node:readline`'s interface that its types declare as constant. */
type Editable = Omit<Interface, "line" | "cursor"> & {
  line: string;
  cursor: number;
  history: string[];
  /** Rows above the cursor that the last drawing took. */
  prevRows: number;
};

/** Edits a message of one or several lines on the terminal, with the keys of `node:readline`. */
export class LineEditor implements Disposable {
  readonly #input: KeyInput;
  readonly #editor: Editable;
  readonly #output: TerminalOutput;

  /**
   * @param history Earlier messages, the latest first.
   * @param setRaw Whether keys arrive one by one.
   * @param onMessage receives a message when Enter is pressed.
   */
  constructor(
    { output, setRaw, history, complete, onMessage }: {
      readonly output: TerminalOutput;
      readonly setRaw: (isRaw: boolean) => void;
      readonly history: readonly string[];
      readonly complete: Complete;
      readonly onMessage: (text: string) => void;
    },
  ) {
    this.#output = output;
    this.#input = new KeyInput(setRaw);
    this.#editor = createInterface({
      input: this.#input as unknown as NodeJS.ReadableStream,
      output: output as unknown as NodeJS.WritableStream,
      terminal: true,
      history: [...history],
      historySize: HISTORY_SIZE,
      removeHistoryDuplicates: true,
      completer: completerOf(complete),
      tabSize: 8,
    }) as unknown as Editable;
    this.#editor.on("line", onMessage);
  }

  get text(): string {
    return this.#editor.line;
  }

  get cursor(): number {
    return this.#editor.cursor;
  }

  /** Earlier messages, the latest first. */
  get history(): readonly string[] {
    return this.#editor.history;
  }

  /** Removes the latest message from the history. */
  forget(): void {
    this.#editor.history.shift();
  }

  /** Draws the prompt and the text. */
  draw(prompt: string): void {
    this.#editor.setPrompt(prompt);
    this.#editor.prompt(true);
  }

  /** Passes keys to `node:readline`. */
  keys(text: string): void {
    this.#input.emit("data", text);
  }

  /** Inserts a text at the cursor, which may have several lines. */
  insert(inserted: string): void {
    const { text, cursor } = this;
    this.set(text.slice(0, cursor) + inserted + text.slice(cursor), cursor + inserted.length);
  }

  /** Replaces the text and draws it. */
  set(text: string, cursor = text.length): void {
    this.#editor.line = text;
    this.#editor.cursor = cursor;
    this.#editor.prompt(true);
  }

  /** Moves the cursor to the line above or below in the text. False: there is none. */
  moveLine(direction: "up" | "down"): boolean {
    const { text, cursor } = this;
    const start = text.lastIndexOf("\n", cursor - 1) + 1;
    const column = cursor - start;
    const end = text.indexOf("\n", cursor);
    if (direction === "up" ? start === 0 : end === -1) return false;
    const target = direction === "up" ? text.lastIndexOf("\n", start - 2) + 1 : end + 1;
    const targetEnd = direction === "up" ? start - 1 : text.indexOf("\n", target);
    const length = (targetEnd === -1 ? text.length : targetEnd) - target;
    const at = target + Math.min(column, length);
    // A character of two code units is not divided.
    this.set(text, /^[\udc00-\udfff]/.test(text.slice(at)) ? at - 1 : at);
    return true;
  }

  /** Leaves the text on the screen and begins an empty one below it. */
  discard(): void {
    this.#editor.cursor = this.text.length;
    this.#editor.prompt(true);
    this.#output.write("\n");
    this.#editor.line = "";
    this.#editor.cursor = 0;
    this.#editor.prevRows = 0;
  }

  [Symbol.dispose](): void {
    this.#editor.close();
  }
}

/** Completion in the form of `node:readline`. A failure completes nothing. */
function completerOf(complete: Complete): AsyncCompleter {
  return (line, done) => {
    complete(line).then(
      ([completions, replaced]) => done(null, [[...completions], replaced]),
      () => done(null, [[], line]),
    );
  };
}
