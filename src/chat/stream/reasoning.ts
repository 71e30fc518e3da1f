import type { Reader, Reading } from "./reader.ts";
import type { Sink } from "./sink.ts";

/** What a model writes around its reasoning. */
export interface ReasoningTags {
  readonly open: string;
  readonly close: string;
  /** The model reasons unless the request says otherwise. */
  readonly usual: boolean;
}

/** Tags of the models that reason in the open, the usual ones first. */
const KNOWN: readonly ReasoningTags[] = [
  { open: "<seed:think>", close: "</seed:think>", usual: true },
  { open: "<mm:think>", close: "</mm:think>", usual: true },
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>", usual: true },
  { open: "[THINK]", close: "[/THINK]", usual: true },
  { open: "<|inner_prefix|>", close: "<|inner_suffix|>", usual: false },
  { open: "Here are my reasoning steps:", close: "[BEGIN FINAL RESPONSE]", usual: true },
  { open: "<|channel>thought", close: "<channel|>", usual: true },
  { open: "<thought>", close: "</thought>", usual: true },
  { open: "<think>", close: "</think>", usual: true },
];

/** The tags a template speaks of; `<think>` where it speaks of none. */
export function reasoningTags(template: string): ReasoningTags {
  return KNOWN.find(({ open, close }) => template.includes(open) || template.includes(close)) ??
    KNOWN.at(-1)!;
}

/**
 * Reads the reasoning at the beginning of an answer, if there is any. `opened` tells that the prompt
 * itself ended with the opening tag.
 */
export function* readReasoning(
  reader: Reader,
  sink: Sink,
  tags: ReasoningTags,
  opened: boolean,
): Reading<void> {
  const space = yield* reader.space();
  const found = yield* reader.oneOf(tags.open, tags.close);
  // A model that was asked not to reason may still write the end of what it left out.
  if (found === tags.close) return;
  if (!opened && found === null) {
    sink.text(space);
    return;
  }
  yield* reader.until([tags.close], (text) => sink.reasoning(text));
}
