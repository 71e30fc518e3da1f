/** The messages of a chat, their room in the context, and their files. */
export { Conversation, type SavedConversation } from "./conversation.ts";
export { exportText } from "./export.ts";
export { fitConversation } from "./fit.ts";
export { SavedConversations } from "./saved_conversations.ts";
