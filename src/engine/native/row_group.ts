/**
 * Rows that CPU kernels for repacked weights compute together. A batch has one row per token. Rows
 * left over after full groups are computed one by one, each at about half the cost of a group
 * (`repack.cpp` in ggml-cpu).
 */
export const ROW_GROUP = 4;

/**
 * Rows of a tile of AMX (`TILE_M` in amx/mmq.cpp of ggml-cpu). A batch of a prompt with an incomplete tile
 * takes up to twice as long as the full tiles: 129 rows 205 ms, 128 rows 101 ms (246 million weights in
 * Q4_0, two cores).
 */
const AMX_ROWS = 16;

/** How many rows of prompts to compute at once. */
export interface PromptRows {
  /** Rows that kernels compute together. */
  readonly group: number;
  /** Maximum rows of a batch. */
  readonly most: number;
}

/**
 * Rows of prompts for the kernels of a CPU.
 *
 * @param features the CPU's features, as ggml names them
 * @param batchSize `n_batch`
 * @param microBatch `n_ubatch`. libllama cuts a larger batch without regard to tiles.
 */
export function promptRowsOnCpu(
  features: Pick<ReadonlySet<string>, "has">,
  batchSize: number,
  microBatch: number,
): PromptRows {
  return features.has("AMX_INT8")
    ? { group: AMX_ROWS, most: Math.min(batchSize, microBatch) }
    : { group: ROW_GROUP, most: batchSize };
}
