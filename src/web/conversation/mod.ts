/**
 * Conversations as trees of messages: pure functions without a document.
 *
 * @module
 */
export type {
  Conversation,
  Ending,
  MediaFile,
  Message,
  Role,
  Sampling,
  Summary,
  TextFile,
  ToolCall,
  Usage,
} from "./conversation.ts";
export { createConversation, createMessage, summaryOf, titleFrom } from "./create.ts";
export { fileNameOf, toJson, toMarkdown } from "./export.ts";
export { IMAGE_TYPES, isSoundUrl, mediaUrls, SOUND_TYPES } from "./media.ts";
export { importConversation } from "./import.ts";
export { chatPromptOf, contentOf, type PromptMessage, promptOf } from "./prompt.ts";
export { attachmentBytes, promptBytes, textBytes, withoutRoom } from "./request_size.ts";
export {
  addMessage,
  childrenOf,
  choose,
  pathOf,
  pathTo,
  removeMessage,
  replaceMessage,
  siblingsOf,
} from "./tree.ts";
