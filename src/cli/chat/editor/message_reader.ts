/** The user has pressed Ctrl-C twice. */
export class Left extends Error {}

/** Reads the messages of a chat, and the interrupts between them. */
export interface MessageReader extends AsyncDisposable {
  /**
   * The next message; `null` at the end of the input.
   * @throws {Left}
   */
  read(): Promise<string | null>;
  /**
   * Does work whose signal Ctrl-C aborts.
   * @throws {Left} after another Ctrl-C before the work has ended.
   */
  during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Like `during`, while the terminal belongs to the work, as for a question. */
  release<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Waits for another program, which has the terminal and gets Ctrl-C. */
  lend<T>(work: () => Promise<T>): Promise<T>;
  /** Whether messages are added to the history. */
  keepsHistory: boolean;
}

/** The possible ends of a line up to the cursor, and the part of the line that they replace. */
export type Complete = (
  line: string,
) => Promise<readonly [completions: readonly string[], replaced: string]>;
