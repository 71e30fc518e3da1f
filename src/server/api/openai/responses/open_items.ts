import type { AnswerLogprob } from "../../../../chat/mod.ts";
import { newId, toLogprobs } from "../shared/envelope.ts";
import { ITEM_PREFIX } from "./items.ts";
import { type ItemStatus, type OutputItem, outputText } from "./object.ts";
import { encodeReasoning } from "./reasoning.ts";

/** An event of the stream without its sequence number. */
export interface ItemEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An output item during generation: its current value and its events. */
export interface OpenItem {
  readonly item: (status: ItemStatus) => OutputItem;
  /** Events after `output_item.added`. */
  readonly opened: readonly ItemEvent[];
  /** Adds text; null when there is nothing to report yet. */
  append(text: string, logprobs: readonly AnswerLogprob[]): ItemEvent | null;
  /** Events before `output_item.done`. */
  closed(): readonly ItemEvent[];
}

/** A message of the assistant. */
export function openMessage(outputIndex: number): OpenItem {
  const id = newId(ITEM_PREFIX.message);
  const at = { item_id: id, output_index: outputIndex, content_index: 0 };
  let text = "";
  const all: AnswerLogprob[] = [];
  return {
    item: (status) => ({
      type: "message",
      id,
      status,
      role: "assistant",
      content: status === "in_progress" ? [] : [outputText(text, all)],
    }),
    opened: [{ type: "response.content_part.added", ...at, part: outputText("", []) }],
    append(delta, logprobs) {
      text += delta;
      all.push(...logprobs);
      return { type: "response.output_text.delta", ...at, delta, logprobs: toLogprobs(logprobs) };
    },
    closed: () => [
      { type: "response.output_text.done", ...at, text, logprobs: toLogprobs(all) },
      { type: "response.content_part.done", ...at, part: outputText(text, all) },
    ],
  };
}

export interface ReasoningOptions {
  /** Report the reasoning as its summary, because some clients show only summaries. */
  readonly asSummary: boolean;
  /** Add `encrypted_content` for clients that store conversations themselves. */
  readonly encrypted: boolean;
}

/** The reasoning of the model. */
export function openReasoning(outputIndex: number, options: ReasoningOptions): OpenItem {
  const { asSummary, encrypted } = options;
  const id = newId(ITEM_PREFIX.reasoning);
  const at = {
    item_id: id,
    output_index: outputIndex,
    [asSummary ? "summary_index" : "content_index"]: 0,
  };
  const [part, words] = asSummary
    ? ["response.reasoning_summary_part", "response.reasoning_summary_text"]
    : ["response.content_part", "response.reasoning_text"];
  let text = "";
  const partOf = (value: string) => ({
    type: asSummary ? "summary_text" : "reasoning_text",
    text: value,
  });
  return {
    item(status) {
      const begun = status === "in_progress";
      const summary = asSummary && !begun ? [{ type: "summary_text" as const, text }] : [];
      const content = begun ? [] : [{ type: "reasoning_text" as const, text }];
      return {
        type: "reasoning",
        id,
        status,
        summary,
        ...(asSummary ? {} : { content }),
        ...(encrypted ? { encrypted_content: begun ? "" : encodeReasoning(text) } : {}),
      };
    },
    opened: [{ type: `${part}.added`, ...at, part: partOf("") }],
    append(delta) {
      text += delta;
      return { type: `${words}.delta`, ...at, delta };
    },
    closed: () => [
      { type: `${words}.done`, ...at, text },
      { type: `${part}.done`, ...at, part: partOf(text) },
    ],
  };
}
