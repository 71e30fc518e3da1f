import { ShimmyError } from "../../errors.ts";
import type { ContextShape, LoadOptions } from "../protocol/mod.ts";
import { BYTES_PER_VALUE } from "./sizes/mod.ts";

/** libllama counts cells in 32 bits. */
const MAX_CELLS = 2 ** 31;

/** Properties of a context to create. */
export interface ContextRequest extends Pick<LoadOptions, "kvType" | "flashAttention"> {
  readonly shape: Pick<ContextShape, "length" | "sequences" | "cells">;
  /** KV cache bytes per token; null if `kvBytesPerToken` may be too high. */
  readonly bytesPerToken: number | null;
  /** Total memory in bytes. */
  readonly memory: number;
}

/**
 * Checks a context before libllama creates it. libllama would need minutes to run out of memory and
 * would report the reason only in its log.
 * @returns the error, or null if the context may be created.
 */
export function checkContext(request: ContextRequest): ShimmyError | null {
  const { shape, kvType, bytesPerToken, memory } = request;
  if (request.flashAttention === "off" && BYTES_PER_VALUE[kvType] < 2) {
    return new ShimmyError(
      "invalid",
      `--kv-type ${kvType} requires flash attention: --flash-attn must be auto or on`,
      { field: "kv-type" },
    );
  }
  const bytes = shape.cells * (bytesPerToken ?? 0);
  if (shape.cells < MAX_CELLS && bytes <= memory) return null;
  const gigabytes = (count: number) => `${(count / 2 ** 30).toFixed(1)} GiB`;
  const reason = bytes > 0
    ? `the ${kvType} KV cache needs ${gigabytes(bytes)}, the memory has ${gigabytes(memory)}`
    : "it has too many KV cells";
  return new ShimmyError(
    "invalid",
    `Cannot create a context of ${shape.length} tokens for ${shape.sequences} sequences: ${reason}`,
    { field: "ctx" },
  );
}
