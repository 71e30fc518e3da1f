import * as z from "zod";
import type { PromptProgress, Timings, Usage } from "../../engine/protocol/mod.ts";

/** `timings` of answers and chunks, as llama-server reports them. */
export const timingsSchema = z.object({
  cache_n: z.int().describe("Prompt tokens that were cached"),
  prompt_n: z.int().describe("Prompt tokens that were computed"),
  prompt_ms: z.number(),
  prompt_per_token_ms: z.number(),
  prompt_per_second: z.number(),
  predicted_n: z.int().describe("Generated tokens"),
  predicted_ms: z.number().describe("From the first generated token to the last"),
  predicted_per_token_ms: z.number(),
  predicted_per_second: z.number(),
  media_ms: z.number().optional().describe(
    "Decoding and encoding of images and audio; absent without them",
  ),
  draft_n: z.int().optional().describe("Drafted tokens; absent without drafts"),
  draft_n_accepted: z.int().optional(),
});

/** `prompt_progress` of chunks, as llama-server reports it. */
export const promptProgressSchema = z.object({
  total: z.int().describe("Tokens of the prompt"),
  cache: z.int().describe("Prompt tokens that were cached"),
  processed: z.int().describe("Prompt tokens that are in the cache now"),
  time_ms: z.number().describe("Milliseconds since the prompt began"),
});

/** Converts timings; the first generated token comes with the prompt, so the rate excludes it. */
export function toTimings(
  { promptTokens, cachedTokens, completionTokens }: Usage,
  timings: Timings,
): z.output<typeof timingsSchema> {
  const { predictedMs, draftedTokens = 0, acceptedTokens = 0 } = timings;
  const computed = promptTokens - cachedTokens;
  const promptMs = computed === 0 ? 0 : timings.promptMs;
  const steps = Math.max(0, completionTokens - 1);
  return {
    cache_n: cachedTokens,
    prompt_n: computed,
    prompt_ms: promptMs,
    prompt_per_token_ms: computed === 0 ? 0 : promptMs / computed,
    prompt_per_second: promptMs === 0 ? 0 : computed / promptMs * 1000,
    predicted_n: completionTokens,
    predicted_ms: steps === 0 ? 0 : predictedMs,
    predicted_per_token_ms: steps === 0 ? 0 : predictedMs / steps,
    predicted_per_second: steps === 0 || predictedMs === 0 ? 0 : steps / predictedMs * 1000,
    ...(timings.mediaMs === undefined ? {} : { media_ms: timings.mediaMs }),
    ...(draftedTokens === 0 ? {} : { draft_n: draftedTokens, draft_n_accepted: acceptedTokens }),
  };
}

/** Converts the timings of a chunk amid the prompt. */
export function toProgressTimings(progress: PromptProgress, timings: Timings) {
  const { processedTokens: promptTokens, cachedTokens } = progress;
  return toTimings({ promptTokens, cachedTokens, completionTokens: 0 }, timings);
}

/** Converts the progress of a prompt. */
export function toPromptProgress(
  { promptTokens, cachedTokens, processedTokens }: PromptProgress,
  { promptMs }: Timings,
): z.output<typeof promptProgressSchema> {
  return {
    total: promptTokens,
    cache: cachedTokens,
    processed: processedTokens,
    time_ms: Math.round(promptMs),
  };
}
