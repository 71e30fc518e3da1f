import * as z from "zod";
import type { EngineStatus } from "../../../engine/protocol/mod.ts";

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
  evictions: z.int().describe("Evicted cached prefixes"),
  preemptions: z.int().describe("Sequences preempted because KV cells were exhausted"),
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
    evictions: status.evictions,
    preemptions: status.preemptions,
  };
}
