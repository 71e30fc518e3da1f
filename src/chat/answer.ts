import type { Engine } from "../engine/face.ts";
import type { Control } from "../engine/protocol.ts";
import type { AnswerEvent, AnswerRequest } from "./conversation.ts";

/** An answer on its way: iterate it once. Leaving the iteration early cancels it. */
export interface Answer extends AsyncIterable<AnswerEvent> {
  /** Takes effect at the next token. */
  control(control: Control): void;
}

/**
 * Runs a request on an engine: renders the prompt, constrains the sampling to the asked format, and
 * parses what comes back into text, reasoning and tool calls.
 *
 * Everything that can go wrong is thrown by the iteration as a `ShimmyError`.
 */
export function answer(_engine: Engine, _request: AnswerRequest): Answer {
  throw new Error("not built yet");
}
