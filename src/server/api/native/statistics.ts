import * as z from "zod";
import {
  type DiskCacheStatus,
  type EngineStatus,
  type MediaStatus,
  MEMORY_KINDS,
  type SharedCacheStatus,
} from "../../../engine/protocol/mod.ts";

const diskCacheSchema = z.object({
  bytes: z.int().describe("Bytes of all files in the folder"),
  files: z.int(),
  limit_bytes: z.int().describe("Maximum bytes of the files of this model"),
  hits: z.int().describe("Requests that began with a state from disk"),
  misses: z.int().describe("Requests for which there was none"),
  writes: z.int().describe("States that were written"),
  failures: z.int().describe("Reads and writes that failed"),
  notices: z.array(z.string()).describe("Each kind of failure once"),
}).describe("Prefix cache on disk; null without one");

const sharedCacheSchema = z.object({
  ready: z.boolean().describe(
    "Whether the model's files are read, which identifies them: from then on, states are found",
  ),
  reachable: z.boolean().describe("False from a failure on, until a request succeeds again"),
  hits: z.int().describe("Requests that began with a shared state"),
  misses: z.int().describe("Requests for which there was none"),
  late: z.int().describe("Requests that did not wait for the answer any longer"),
  read_bytes: z.int(),
  writes: z.int().describe("States that were written"),
  dropped: z.int().describe(
    "States that were not written: too many waited, or there was no connection",
  ),
  written_bytes: z.int(),
  failures: z.int().describe("Reads and writes that failed, and states that were not accepted"),
  notices: z.array(z.string()).describe("Each kind of failure once"),
}).describe("Prefixes that servers share; null without them");

const mediaSchema = z.object({
  encoded: z.int(),
  reused: z.int().describe("Images and sounds that were encoded for an earlier prompt"),
  encode_ms: z.number().describe("Decoding and encoding"),
  bytes: z.int().describe("Bytes of the embeddings that are kept"),
  waiting: z.int().describe("Prompts whose images and sounds are read"),
}).describe("Images and sounds in prompts; absent for a model that reads text alone");

/** What a model keeps of a sequence. */
export const memorySchema = z.enum(MEMORY_KINDS).nullable()
  .describe("What the model keeps of a sequence; null for a model that does not generate");

/** Counts of a model since it was loaded. */
export const statisticsSchema = z.object({
  prompt_tokens: z.int(),
  cached_tokens: z.int().describe("Prompt tokens that were cached"),
  completion_tokens: z.int(),
  speculation: z.enum(["lookup", "draft"]).nullable()
    .describe("Source of drafts: lookup in the text of the sequence, or a draft model"),
  drafted_tokens: z.int(),
  accepted_tokens: z.int().describe("Accepted draft tokens"),
  acceptance_rate: z.number().nullable().describe(
    "Accepted share of drafted tokens, 0 to 1; null without drafts",
  ),
  memory: memorySchema,
  checkpoints: z.int().describe("Checkpoints of sequences in main memory"),
  saved_bytes: z.int().describe("Bytes of checkpoints and saved prefixes in main memory"),
  evictions: z.int().describe("Evicted cached prefixes"),
  disk_cache: diskCacheSchema.nullable(),
  shared_cache: sharedCacheSchema.nullable(),
  preemptions: z.int().describe("Sequences preempted because KV cells were exhausted"),
  media: mediaSchema.optional(),
});

/** The counts in the status of an engine. */
export function statisticsOf(status: EngineStatus): z.output<typeof statisticsSchema> {
  const { draftedTokens, acceptedTokens } = status;
  return {
    prompt_tokens: status.promptTokens,
    cached_tokens: status.cachedTokens,
    completion_tokens: status.completionTokens,
    speculation: status.speculation,
    drafted_tokens: draftedTokens,
    accepted_tokens: acceptedTokens,
    acceptance_rate: draftedTokens === 0 ? null : acceptedTokens / draftedTokens,
    memory: status.memoryKind,
    checkpoints: status.checkpoints,
    saved_bytes: status.savedBytes,
    evictions: status.evictions,
    disk_cache: status.diskCache === null ? null : diskCacheOf(status.diskCache),
    shared_cache: status.sharedCache === null ? null : sharedCacheOf(status.sharedCache),
    preemptions: status.preemptions,
    ...(status.media === undefined ? {} : { media: mediaOf(status.media) }),
  };
}

function mediaOf({ encodeMs, ...counts }: MediaStatus): z.output<typeof mediaSchema> {
  return { ...counts, encode_ms: encodeMs };
}

function sharedCacheOf(
  { isReady, isReachable, readBytes, writtenBytes, ...counts }: SharedCacheStatus,
): z.output<typeof sharedCacheSchema> {
  return {
    ...counts,
    notices: [...counts.notices],
    ready: isReady,
    reachable: isReachable,
    read_bytes: readBytes,
    written_bytes: writtenBytes,
  };
}

function diskCacheOf(
  { limitBytes, ...counts }: DiskCacheStatus,
): z.output<typeof diskCacheSchema> {
  return { ...counts, notices: [...counts.notices], limit_bytes: limitBytes };
}
