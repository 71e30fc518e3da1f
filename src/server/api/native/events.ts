import type { AnswerEvent } from "../../../chat/mod.ts";
import { Transform } from "../../../engine/mod.ts";
import type { FinishReason, Timings } from "../../../engine/protocol/mod.ts";
import type { Done, UnifiedEvent } from "./schema.ts";

/**
 * Converts an answer to unified events: tokens, reasoning and the end. Tokens without text, such as a
 * part of a character or the possible begin of a stop string, are omitted.
 */
export class UnifiedEvents extends Transform<AnswerEvent, UnifiedEvent> {
  #index = 0;

  override event(event: AnswerEvent): void {
    switch (event.type) {
      case "text":
        if (event.text !== "") this.out.event({ token: event.text, index: this.#index++ });
        break;
      case "reasoning":
        if (event.text !== "") this.out.event({ reasoning: event.text, index: this.#index++ });
        break;
      case "done":
        this.out.event(toDone(event));
        break;
      // Native requests have no tools.
      case "tool_call":
      case "tool_arguments":
        break;
    }
  }
}

/** The last event of an answer in the spelling of the native API. */
export function toDone(event: Extract<AnswerEvent, { type: "done" }>): Done {
  const { usage, timings, notices = [] } = event;
  return {
    done: true,
    finish_reason: toReason(event.finishReason),
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.promptTokens + usage.completionTokens,
      cached_tokens: usage.cachedTokens,
    },
    timings: {
      queue_ms: timings.queueMs,
      prompt_ms: timings.promptMs,
      first_token_ms: timings.firstTokenMs,
      predicted_ms: timings.predictedMs,
      prompt_per_second: timings.promptPerSecond,
      predicted_per_second: timings.predictedPerSecond,
      ...toDraftCounts(timings),
    },
    ...(notices.length === 0 ? {} : { notices: notices.map(({ message }) => message) }),
  };
}

function toDraftCounts({ draftedTokens = 0, acceptedTokens = 0 }: Timings) {
  if (draftedTokens === 0) return {};
  return {
    drafted_tokens: draftedTokens,
    accepted_tokens: acceptedTokens,
    acceptance_rate: acceptedTokens / draftedTokens,
  };
}

function toReason(reason: FinishReason | "tool_calls"): FinishReason {
  return reason === "tool_calls" ? "stop" : reason;
}
