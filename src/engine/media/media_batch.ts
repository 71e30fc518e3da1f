import { Batch, type Context, EmbeddingBatch } from "../../../ffi/mod.ts";
import type { MediaRuns } from "./media_runs.ts";

/** The properties of a sequence that a batch of its rows needs. */
export interface SequenceWithMedia {
  /** The prompt, with the tokens of the rows. */
  readonly tokens: readonly number[];
  readonly stream: {
    readonly id: number;
    readonly tokens: number[];
    /** Positions of checkpoints, ascending. */
    readonly planned: readonly number[];
  } | null;
  readonly media: MediaRuns;
}

/** A batch with rows of one media file. */
export class MediaBatch {
  readonly length: number;
  readonly outputCount = 0;
  /** Whether the rows attend to each other in both directions. */
  readonly isNonCausal: boolean;
  readonly #batch: EmbeddingBatch;
  /** The tokens of the stream, and their number before the batch. */
  readonly #stream: number[];
  readonly #held: number;

  /**
   * Takes the next rows of a sequence, whose next token is a row, and adds their tokens to its stream.
   *
   * @param limit maximum rows, unless a media file must be in one batch
   */
  constructor({ tokens, stream, media }: SequenceWithMedia, limit: number) {
    const { id, tokens: held, planned } = stream!;
    this.#stream = held;
    this.#held = held.length;
    // A checkpoint is made of the state at the end of a batch.
    const { embeddings, rows, isWhole, positions } = media.rowsAt(
      this.#held,
      Math.min(limit, (planned[0] ?? Infinity) - this.#held),
    );
    this.#batch = new EmbeddingBatch(embeddings, embeddings.length / rows, positions, id);
    this.length = rows;
    this.isNonCausal = isWhole;
    for (let row = 0; row < rows; row++) held.push(tokens[this.#held + row]!);
  }

  /** Takes the tokens back, after the batch was not computed. */
  undo(): void {
    this.#stream.length = this.#held;
  }

  /** @internal For `llama_decode`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#batch.bytes;
  }
}

/** Computes a batch of tokens or of rows. */
export function decodeBatch(context: Context, batch: Batch | MediaBatch) {
  if (batch instanceof Batch || !batch.isNonCausal) return context.decode(batch);
  context.setCausalAttention(false);
  try {
    return context.decode(batch);
  } finally {
    context.setCausalAttention(true);
  }
}
