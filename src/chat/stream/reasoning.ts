import type { Reader, Reading } from "./reader.ts";
import type { Sink } from "./sink.ts";

/** What a model writes around its reasoning. */
export interface ReasoningTags {
  readonly open: string;
  readonly close: string;
}

/** Tags of the models that reason in the open, the usual ones first. */
const KNOWN: readonly ReasoningTags[] = [
  { open: "<seed:think>", close: "</seed:think>" },
  { open: "<mm:think>", close: "</mm:think>" },
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
  { open: "[THINK]", close: "[/THINK]" },
  { open: "<|inner_prefix|>", close: "<|inner_suffix|>" },
  { open: "<thought>", close: "</thought>" },
  { open: "<think>", close: "</think>" },
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
  const found = yield* reader.literal(tags.open);
  if (!opened && !found) {
    sink.text(space);
    return;
  }
  yield* reader.until([tags.close], (text) => sink.reasoning(text));
}
