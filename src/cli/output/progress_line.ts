import { printable } from "./printable.ts";
import { truncated } from "./width.ts";

/** Milliseconds between two frames of the spinner, and between two updates of the text. */
const FRAME_MS = 100;
const FRAMES = Array.from("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏");
/** Moves the cursor to the start of the line and clears the line. */
const CLEAR_LINE = "\r\x1b[2K";

/** A line with a spinner that the next text replaces. */
export class ProgressLine {
  readonly #write: (text: string) => void;
  readonly #columns: () => number;
  #text = "";
  #frame = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param columns Columns that the line may take: a line that wraps could not be cleared again. */
  constructor(write: (text: string) => void, columns: () => number) {
    this.#write = write;
    this.#columns = columns;
  }

  /** Shows a text, at the next frame if another one is shown. `null` removes the line. */
  show(text: string | null): void {
    if (text === null) return this.#remove();
    this.#text = text;
    if (this.#timer !== undefined) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  #remove(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#write(CLEAR_LINE);
  }

  #draw(): void {
    const frame = FRAMES[this.#frame++ % FRAMES.length]!;
    this.#write(`${CLEAR_LINE}${truncated(`${frame} ${printable(this.#text)}`, this.#columns())}`);
  }
}
