import type { IncrementalParser, Reader } from "./reader.ts";
import type { EventBuffer } from "./event_buffer.ts";

/** Tags around a model's reasoning. */
export interface ReasoningTags {
  readonly open: string;
  readonly close: string;
  /** The model reasons by default. */
  readonly isDefault: boolean;
}

/** Known reasoning tags. The most common tags are the default. */
const KNOWN: readonly ReasoningTags[] = [
  { open: "<seed:think>", close: "</seed:think>", isDefault: true },
  { open: "<mm:think>", close: "</mm:think>", isDefault: true },
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>", isDefault: true },
  { open: "[THINK]", close: "[/THINK]", isDefault: true },
  { open: "<|inner_prefix|>", close: "<|inner_suffix|>", isDefault: false },
  { open: "Here are my reasoning steps:", close: "[BEGIN FINAL RESPONSE]", isDefault: true },
  { open: "<|channel>thought", close: "<channel|>", isDefault: true },
  { open: "<thought>", close: "</thought>", isDefault: true },
  { open: "<think>", close: "</think>", isDefault: true },
];

/** The reasoning tags in a template; `<think>` if it has none. */
export function reasoningTags(template: string): ReasoningTags {
  return KNOWN.find(({ open, close }) => template.includes(open) || template.includes(close)) ??
    KNOWN.at(-1)!;
}

/**
 * Parses reasoning at the start of an answer. `opened` means that the prompt ended with the opening
 * tag.
 */
export function* readReasoning(
  reader: Reader,
  output: EventBuffer,
  tags: ReasoningTags,
  opened: boolean,
): IncrementalParser<void> {
  const space = yield* reader.space();
  const found = yield* reader.oneOf(tags.open, tags.close);
  // If reasoning is disabled, a model may still write the closing tag.
  if (found === tags.close) return;
  if (!opened && found === null) {
    output.text(space);
    return;
  }
  yield* reader.until([tags.close], (text) => output.reasoning(text));
}
