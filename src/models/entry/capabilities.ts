import { cannotGenerateError } from "../../engine/protocol/mod.ts";
import type { ModelEntry } from "./entry.ts";

/** What a model can be asked for. */
export type Capability = "completion" | "tools" | "thinking" | "embedding" | "rerank";

/** What templates that can switch thinking, or that render it, have in them. */
const THINKS =
  /enable_thinking|reasoning_effort|reasoning_content|<think>|\bthinking\b|<\|channel\|>/;

/**
 * What a model was made for. Every chat model can call tools, if need be in a format of ours; whether one
 * thinks, its template reveals.
 */
export function capabilitiesOf(
  { kind, chatTemplate }: Pick<ModelEntry, "kind" | "chatTemplate">,
): Capability[] {
  if (kind !== "language") return [kind];
  return ["completion", "tools", ...(THINKS.test(chatTemplate ?? "") ? ["thinking" as const] : [])];
}

/** @throws {ShimmyError} `invalid` for a model that generates no text, as its file says. */
export function checkSpeaks({ kind }: Pick<ModelEntry, "kind">): void {
  if (kind !== "language") throw cannotGenerateError(kind);
}
