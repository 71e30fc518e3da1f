/**
 * Anthropic's Messages API: conversations and token counts.
 *
 * @module
 */
import type { Route } from "../../http/mod.ts";
import { countAnswer, messageAnswer } from "./response_schemas.ts";
import { anthropicDialect } from "./dialect.ts";
import { countTokensOf, createMessage } from "./handlers.ts";
import { countBody, messagesBody } from "./schema.ts";

export { anthropicDialect } from "./dialect.ts";

/** Anthropic's routes. */
export const anthropicRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/messages",
    scope: "chat",
    dialect: anthropicDialect,
    summary: "Generate a message for a conversation",
    body: messagesBody,
    answer: messageAnswer,
    streams: ["text/event-stream"],
    handle: createMessage,
  },
  {
    method: "POST",
    path: "/v1/messages/count_tokens",
    scope: "chat",
    dialect: anthropicDialect,
    summary: "Count the prompt tokens of a conversation",
    body: countBody,
    answer: countAnswer,
    handle: countTokensOf,
  },
];
