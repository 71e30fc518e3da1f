import { NO_TIMINGS, type Notice } from "../../engine/protocol/mod.ts";
import type { AnswerEvent } from "./conversation.ts";

/** The last event of an answer that was cancelled, or failed, before its sequence began. */
export function cancelledEvent(
  notices: readonly Notice[] = [],
): Extract<AnswerEvent, { type: "done" }> {
  return {
    type: "done",
    finishReason: "cancelled",
    stopString: null,
    usage: { promptTokens: 0, completionTokens: 0, cachedTokens: 0 },
    timings: NO_TIMINGS,
    ...(notices.length === 0 ? {} : { notices }),
  };
}
