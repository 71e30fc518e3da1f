/** Answers to chat requests: renders prompts, constrains sampling, parses text, reasoning and calls. */

export { answer, conversationText, countTokens, promptText, promptTokens } from "./answer.ts";
export type {
  AnswerEdit,
  AnswerEvent,
  AnswerFinish,
  AnswerLogprob,
  AnswerRequest,
  AnswerSoFar,
  Format,
  Input,
  Message,
  Tool,
  ToolCall,
  ToolChoice,
} from "./conversation/mod.ts";
export {
  type ContentPart,
  contentParts,
  joinContent,
  joinMessages,
  type RemoteImage,
} from "./conversation/mod.ts";
export {
  argumentsObject,
  cancelledEvent,
  prefixHash,
  toolDefinitions,
  withSeedOffset,
} from "./conversation/mod.ts";
export type { Answer, AnswerFork, ForkedAnswer } from "./running_answer.ts";
export {
  type FetchImages,
  inlinePreparer,
  type JsonParser,
  PreparationPool,
  type Preparer,
  sharedPreparer,
} from "./preparation/mod.ts";
