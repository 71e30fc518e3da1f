import type { BatchTimes } from "./timings.ts";

/** Times for tests: a decode batch takes 10 ms for each sequence, a prefill batch 1 ms for each token. */
export const TIMES: BatchTimes = {
  model: "double.gguf",
  machine: "no machine",
  threads: 1,
  parallel: 2,
  context: 2048,
  batch: 256,
  microBatch: 256,
  promptRows: 256,
  rowGroup: 4,
  kvBytes: 1024,
  decode: [{ sequences: 1, context: 0, ms: 10 }, { sequences: 2, context: 0, ms: 20 }],
  prefill: [{ tokens: 1, context: 0, ms: 1 }, { tokens: 256, context: 0, ms: 256 }],
  saveMs: 0,
  restoreMs: 0,
  copyMs: 0,
  overheadMs: 3,
  slowdown: [1],
};
