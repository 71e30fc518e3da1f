/** Messages, tools, requests and answer events, shared by all API dialects. */

export { argumentsObject } from "./arguments.ts";
export { checkCallNesting, withUsableSchema } from "./tool_schema.ts";
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
} from "./conversation.ts";
export { toolDefinitions } from "./tool_definitions.ts";
