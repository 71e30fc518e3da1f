import type { AnswerEvent } from "../../../../chat/mod.ts";
import { toProgressTimings, toPromptProgress, toTimings } from "../../../answers/mod.ts";

/** `timings` of the last chunk of an answer, as llama-server sends them. */
export function toFinalTimings({ usage, timings }: Extract<AnswerEvent, { type: "done" }>) {
  return { timings: toTimings(usage, timings) };
}

/** `timings` of a chunk, for `timings_per_token`; empty where the event has none. */
export function toTimingsSoFar(event: AnswerEvent) {
  if (!("soFar" in event) || event.soFar === undefined) return {};
  return { timings: toTimings(event.soFar.usage, event.soFar.timings) };
}

/** `prompt_progress` of a chunk, for `return_progress`, with the timings so far. */
export function toProgress({ progress, timings }: Extract<AnswerEvent, { type: "progress" }>) {
  return {
    prompt_progress: toPromptProgress(progress, timings),
    timings: toProgressTimings(progress, timings),
  };
}
