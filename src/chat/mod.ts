/** Answers to chat requests: renders prompts, constrains sampling, parses text, reasoning and calls. */

export {
  type Answer,
  answer,
  conversationText,
  countTokens,
  promptText,
  promptTokens,
} from "./answer.ts";
export type {
  AnswerEvent,
  AnswerFinish,
  AnswerLogprob,
  AnswerRequest,
  Format,
  Input,
  Message,
  Tool,
  ToolCall,
  ToolChoice,
} from "./conversation/mod.ts";
export { argumentsObject, toolDefinitions } from "./conversation/mod.ts";
export { PreparationPool, type Preparer } from "./preparation/mod.ts";
