import type { DoneEvent } from "./chunks.ts";

const NANOSECONDS_PER_MILLISECOND = 1e6;

/** Milliseconds as integer nanoseconds, Ollama's unit. */
export function nanoseconds(milliseconds: number): number {
  return Math.round(milliseconds * NANOSECONDS_PER_MILLISECOND);
}

/** Stop reason, token counts and durations of the last line. */
export function toStatistics(
  { finishReason, usage, timings, notices = [] }: DoneEvent,
  spent: { readonly totalMs: number; readonly loadMs: number },
) {
  return {
    done: true,
    done_reason: finishReason === "length" ? "length" : "stop",
    total_duration: nanoseconds(spent.totalMs),
    load_duration: nanoseconds(spent.loadMs),
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: nanoseconds(timings.promptMs),
    eval_count: usage.completionTokens,
    eval_duration: nanoseconds(timings.predictedMs),
    ...(notices.length === 0 ? {} : { notices: notices.map(({ message }) => message) }),
  };
}
