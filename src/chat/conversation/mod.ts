/** Messages, tools, requests and answer events, shared by all API dialects. */

export { argumentsObject } from "./arguments.ts";
export { cancelledEvent } from "./cancelled_event.ts";
export { checkCallNesting, withUsableSchema } from "./tool_schema.ts";
export { type ContentPart, contentParts, joinContent, joinMessages, MEDIA_MARK } from "./media.ts";
export { prefixHash } from "./prefix_hash.ts";
export { withSeedOffset } from "./seed.ts";
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
  RemoteImage,
  TokenPlace,
  Tool,
  ToolCall,
  ToolChoice,
} from "./conversation.ts";
export { toolDefinitions } from "./tool_definitions.ts";
