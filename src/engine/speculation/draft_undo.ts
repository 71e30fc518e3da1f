import type { Context } from "../../../ffi/mod.ts";

/** The parts of a context that an undo needs. */
type UndoMemory = Pick<Context, "removeTokens" | "saveCheckpoint" | "restoreCheckpoint">;

/** The properties of a KV cache stream that an undo needs. */
interface DraftedStream {
  /** Sequence id in libllama. */
  readonly id: number;
  /** Tokens in the KV cache. */
  readonly tokens: number[];
}

/**
 * Removes rejected drafted tokens from streams. A recurrent state cannot lose its last tokens: its stream
 * returns to a checkpoint that was made before the draft, and the accepted tokens are computed again.
 */
export class DraftUndo {
  readonly #memory: UndoMemory;
  readonly #isRecurrent: boolean;
  /** By stream id: the state before the draft, and the number of its tokens. */
  readonly #before = new Map<
    number,
    { readonly state: Uint8Array<ArrayBuffer>; readonly length: number }
  >();

  constructor(memory: UndoMemory, isRecurrent: boolean) {
    this.#memory = memory;
    this.#isRecurrent = isRecurrent;
  }

  /** Call before the tokens of a draft are added to a stream. */
  prepare({ id, tokens }: DraftedStream): void {
    if (!this.#isRecurrent) return;
    this.#before.set(id, { state: this.#memory.saveCheckpoint(id), length: tokens.length });
  }

  /**
   * Call after each draft. Removes the tokens from index `valid` on; the stream may lose valid tokens too,
   * which are to be computed again.
   */
  undo(stream: DraftedStream, valid: number): void {
    const { id, tokens } = stream;
    const before = this.#before.get(id);
    this.#before.delete(id);
    if (valid === tokens.length) return;
    const length = before?.length ?? valid;
    const isBack = before === undefined ||
      this.#memory.restoreCheckpoint(id, before.state);
    // An empty stream is computed anew.
    if (isBack && this.#memory.removeTokens(id, length, -1)) tokens.length = length;
    else {
      this.#memory.removeTokens(id, -1, -1);
      tokens.length = 0;
    }
  }
}
