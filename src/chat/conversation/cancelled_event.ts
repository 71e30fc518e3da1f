import type { Notice } from "../../engine/protocol/mod.ts";
import type { AnswerEvent } from "./conversation.ts";

/** The last event of an answer that was cancelled, or failed, before its sequence began. */
export function cancelledEvent(
  notices: readonly Notice[] = [],
): Extract<AnswerEvent, { type: "done" }> {
  const none = { queueMs: 0, promptMs: 0, firstTokenMs: 0, predictedMs: 0 };
  return {
    type: "done",
    finishReason: "cancelled",
    stopString: null,
    usage: { promptTokens: 0, completionTokens: 0, cachedTokens: 0 },
    timings: { ...none, promptPerSecond: 0, predictedPerSecond: 0 },
    ...(notices.length === 0 ? {} : { notices }),
  };
}
