import type { LoopStatus } from "../../protocol/mod.ts";

/** Loop status of a model that does not generate. */
export const IDLE: LoopStatus = {
  running: 0,
  prefilling: 0,
  queued: 0,
  queueLimit: 0,
  cellsUsed: 0,
  cellsTotal: 0,
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  speculation: null,
  draftedTokens: 0,
  acceptedTokens: 0,
  memoryKind: null,
  checkpoints: 0,
  savedBytes: 0,
  evictions: 0,
  diskCache: null,
  sharedCache: null,
  preemptions: 0,
  context: null,
  steps: 0,
  slots: [],
  nativeMs: 0,
  stepMs: 0,
};
