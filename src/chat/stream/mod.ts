export { readCallObject } from "./call_object.ts";
export { Reader, type Reading } from "./reader.ts";
export { readReasoning, type ReasoningTags, reasoningTags } from "./reasoning.ts";
export { type ParsedEvent, Sink } from "./sink.ts";
