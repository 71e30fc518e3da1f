import { cannotGenerateError, type ModelInfo } from "../../engine/protocol/mod.ts";
import type { ModelEntry, ProjectorInput } from "./entry.ts";

/** Capabilities of a model, with the names of Ollama's API. */
export const CAPABILITIES = [
  "completion",
  "tools",
  "thinking",
  "vision",
  "audio",
  "embedding",
  "rerank",
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Texts in a chat template that render or switch reasoning. */
const THINKING_MARKERS =
  /enable_thinking|reasoning_effort|reasoning_content|<think>|\bthinking\b|<\|channel\|>/;

/**
 * Capabilities of a model. Every language model can call tools, if necessary in Shimmy's generic
 * tool format. The chat template shows whether the model reasons.
 *
 * @param loaded the loaded model, which shows whether its projector can be used
 */
export function capabilitiesOf(
  entry: Pick<ModelEntry, "kind" | "chatTemplate" | "projector" | "projectorReads">,
  loaded: Pick<ModelInfo, "media"> | null = null,
): Capability[] {
  const { kind, chatTemplate } = entry;
  if (kind !== "language") return [kind];
  return [
    "completion",
    "tools",
    ...(THINKING_MARKERS.test(chatTemplate ?? "") ? ["thinking" as const] : []),
    ...mediaOf(entry, loaded),
  ];
}

/** What a model reads besides text. A projector whose header was not read counts as one for images. */
function mediaOf(
  { projector, projectorReads = ["vision"] }: Pick<ModelEntry, "projector" | "projectorReads">,
  loaded: Pick<ModelInfo, "media"> | null,
): readonly ProjectorInput[] {
  if (loaded === null) return projector === undefined ? [] : projectorReads;
  return (["vision", "audio"] as const).filter((input) => loaded.media?.[input] === true);
}

/**
 * Checks that a model generates text.
 *
 * @throws {ShimmyError} `invalid` for an embedding or reranking model.
 */
export function checkGeneratesText({ kind }: Pick<ModelEntry, "kind">): void {
  if (kind !== "language") throw cannotGenerateError(kind);
}
