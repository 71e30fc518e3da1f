import * as z from "zod";
import type { EngineStatus } from "../../../engine/protocol/mod.ts";

/** What a model has done since it was loaded. */
export const statisticsSchema = z.object({
  prompt_tokens: z.int(),
  cached_tokens: z.int().describe("Those of the prompts that were found in the KV cache"),
  completion_tokens: z.int(),
  speculation: z.enum(["lookup", "draft"]).nullable()
    .describe("Where drafts come from: an answer's own text, or a draft model"),
  drafted_tokens: z.int(),
  accepted_tokens: z.int().describe("Drafted tokens that came next"),
  acceptance_rate: z.number().nullable().describe(
    "Their share, 0 to 1; null where none were drafted",
  ),
  evictions: z.int().describe("Cached prefixes that gave way to others"),
  preemptions: z.int().describe("Answers that had to wait for KV cells, and went on"),
});

/** The counts of an engine. */
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
