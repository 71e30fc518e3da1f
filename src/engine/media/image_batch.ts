import { Batch, type Context, EmbeddingBatch } from "../../../ffi/mod.ts";
import type { MediaRuns } from "./media_runs.ts";

/** The properties of a sequence that a batch of its rows needs. */
export interface SequenceWithMedia {
  readonly stream: {
    readonly id: number;
    readonly tokens: number[];
    /** Positions of checkpoints, ascending. */
    readonly planned: readonly number[];
  } | null;
  readonly media: MediaRuns;
}

/** A batch with rows of one image. */
export class ImageBatch {
  readonly length: number;
  readonly outputCount = 0;
  /** Whether the rows attend to each other in both directions. */
  readonly isNonCausal: boolean;
  readonly #batch: EmbeddingBatch;

  /**
   * Takes the next rows of a sequence, whose next token is a row, and adds their numbers to its stream.
   *
   * @param limit maximum rows, unless an image must be in one batch
   */
  constructor({ stream, media }: SequenceWithMedia, limit: number) {
    const { id, tokens, planned } = stream!;
    const held = tokens.length;
    // A checkpoint is made of the state at the end of a batch.
    const { first, embeddings, rows, isWhole } = media.rowsAt(
      held,
      Math.min(limit, (planned[0] ?? Infinity) - held),
    );
    this.#batch = new EmbeddingBatch(embeddings, embeddings.length / rows, held, id);
    this.length = rows;
    this.isNonCausal = isWhole;
    for (let row = 0; row < rows; row++) tokens.push(first - row);
  }

  /** @internal For `llama_decode`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#batch.bytes;
  }
}

/** Computes a batch of tokens or of rows. */
export function decodeBatch(context: Context, batch: Batch | ImageBatch) {
  if (batch instanceof Batch || !batch.isNonCausal) return context.decode(batch);
  context.setCausalAttention(false);
  try {
    return context.decode(batch);
  } finally {
    context.setCausalAttention(true);
  }
}
