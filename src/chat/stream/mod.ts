/** Incremental parsing of streamed answers: reader, reasoning, tool call objects and events. */

export { readCallObject, startsCallObject } from "./call_object.ts";
export { type Cut, type IncrementalParser, Reader } from "./reader.ts";
export { readReasoning, type ReasoningTags, reasoningTags } from "./reasoning.ts";
export { EventBuffer, type ParsedEvent } from "./event_buffer.ts";
