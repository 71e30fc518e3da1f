import { cannotGenerateError } from "../../engine/protocol/mod.ts";
import type { ModelEntry } from "./entry.ts";

/** Capabilities of a model, with the names of Ollama's API. */
export type Capability = "completion" | "tools" | "thinking" | "embedding" | "rerank";

/** Texts in a chat template that render or switch reasoning. */
const THINKING_MARKERS =
  /enable_thinking|reasoning_effort|reasoning_content|<think>|\bthinking\b|<\|channel\|>/;

/**
 * Capabilities of a model. Every language model can call tools, if necessary in Shimmy's generic
 * tool format. The chat template shows whether the model reasons.
 */
export function capabilitiesOf(
  { kind, chatTemplate }: Pick<ModelEntry, "kind" | "chatTemplate">,
): Capability[] {
  if (kind !== "language") return [kind];
  return [
    "completion",
    "tools",
    ...(THINKING_MARKERS.test(chatTemplate ?? "") ? ["thinking" as const] : []),
  ];
}

/**
 * Checks that a model generates text.
 *
 * @throws {ShimmyError} `invalid` for an embedding or reranking model.
 */
export function checkGeneratesText({ kind }: Pick<ModelEntry, "kind">): void {
  if (kind !== "language") throw cannotGenerateError(kind);
}
