/**
 * Anthropic's Messages API: conversations and token counts.
 *
 * @module
 */
import { lazyRoute, type Route } from "../../http/mod.ts";
import { anthropicDialect } from "./dialect.ts";

export { anthropicDialect } from "./dialect.ts";

/** Anthropic's routes. */
export const anthropicRoutes: readonly Route[] = [
  lazyRoute({
    method: "POST",
    path: "/v1/messages",
    scope: "chat",
    dialect: anthropicDialect,
    summary: "Generate a message for a conversation",
    streams: ["text/event-stream"],
  }, async () => (await import("./handlers.ts")).messages),
  lazyRoute({
    method: "POST",
    path: "/v1/messages/count_tokens",
    scope: "chat",
    dialect: anthropicDialect,
    summary: "Count the prompt tokens of a conversation",
  }, async () => (await import("./handlers.ts")).tokenCount),
];
