import { deadline } from "@std/async/deadline";
import * as z from "zod";
import type { Engine } from "../../../engine/face.ts";

/** Milliseconds an engine has to tell its counts. */
const PATIENCE_MS = 2_000;

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

/** The counts of an engine; null where it is too deep in native code to tell them. */
export async function statisticsOf(
  engine: Engine,
): Promise<z.output<typeof statisticsSchema> | null> {
  const status = await deadline(engine.status(), PATIENCE_MS).catch(() => null);
  if (status === null) return null;
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
