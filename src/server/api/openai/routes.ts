import { lazyRoute, type Route } from "../../http/mod.ts";
import { openaiDialect } from "./shared/dialect.ts";

const dialect = openaiDialect;

/** `/v1/models`. */
const modelRoutes: readonly Route[] = [
  lazyRoute({
    method: "GET",
    path: "/v1/models",
    scope: "models:read",
    dialect,
    summary: "List models and their combinations with adapters",
  }, async () => (await import("./models.ts")).listModels),
  lazyRoute({
    method: "GET",
    path: "/v1/models/:id",
    scope: "models:read",
    dialect,
    summary: "Details of a model",
  }, async () => (await import("./models.ts")).describeModel),
];

/** Answers to conversations and prompts. */
const answerRoutes: readonly Route[] = [
  lazyRoute({
    method: "POST",
    path: "/v1/chat/completions",
    scope: "chat",
    dialect,
    summary: "Generate an answer for a conversation",
    streams: ["text/event-stream"],
  }, async () => (await import("./chat/chat.ts")).chatCompletion),
  lazyRoute({
    method: "POST",
    path: "/v1/completions",
    scope: "chat",
    dialect,
    summary: "Generate a continuation of text",
    streams: ["text/event-stream"],
  }, async () => (await import("./completions/completions.ts")).textCompletion),
];

/** `/v1/responses`. */
const responseRoutes: readonly Route[] = [
  lazyRoute({
    method: "POST",
    path: "/v1/responses",
    scope: "chat",
    dialect,
    summary: "Generate a response for a conversation of items",
    streams: ["text/event-stream"],
  }, async () => (await import("./responses/routes.ts")).createResponse),
  lazyRoute({
    method: "GET",
    path: "/v1/responses/:id",
    scope: "chat",
    dialect,
    summary: "Retrieve a stored response",
  }, async () => (await import("./responses/routes.ts")).retrieveResponse),
  lazyRoute({
    method: "DELETE",
    path: "/v1/responses/:id",
    scope: "chat",
    dialect,
    summary: "Delete a stored response",
  }, async () => (await import("./responses/routes.ts")).deleteResponse),
  lazyRoute({
    method: "GET",
    path: "/v1/responses/:id/input_items",
    scope: "chat",
    dialect,
    summary: "List the input items of a stored response",
    query: {
      after: "Id of the item before the page",
      limit: "Items per page, 1 to 100. Default 20",
      order: "asc or desc. Default desc",
    },
  }, async () => (await import("./responses/routes.ts")).listInputItems),
];

/** `/v1/audio`. */
const audioRoutes: readonly Route[] = [
  lazyRoute({
    method: "POST",
    path: "/v1/audio/transcriptions",
    scope: "chat",
    dialect,
    summary: "Write down the speech in a sound",
    isForm: true,
    text: true,
    streams: ["text/event-stream"],
  }, async () => (await import("./audio/transcriptions.ts")).transcribe),
  lazyRoute({
    method: "POST",
    path: "/v1/audio/translations",
    scope: "chat",
    dialect,
    summary: "Write down the speech in a sound in English",
    isForm: true,
    text: true,
    streams: ["text/event-stream"],
  }, async () => (await import("./audio/transcriptions.ts")).translate),
];

/** Routes for tokens: detokenize, render a conversation, count. */
const tokenRoutes: readonly Route[] = [
  lazyRoute({
    method: "GET",
    path: "/tokenizer_info",
    scope: "chat",
    dialect,
    summary: "Tokenizer of a model, for clients that count tokens",
    costly: true,
  }, async () => (await import("./tokens.ts")).tokenizerInformation),
  lazyRoute({
    method: "POST",
    scope: "chat",
    path: "/detokenize",
    dialect,
    summary: "Convert token ids to text",
  }, async () => (await import("./tokens.ts")).detokenizeText),
  lazyRoute({
    method: "POST",
    scope: "chat",
    path: "/apply-template",
    dialect,
    summary: "Render a conversation with the chat template",
  }, async () => (await import("./tokens.ts")).renderTemplate),
  lazyRoute({
    method: "POST",
    scope: "chat",
    path: "/v1/chat/completions/input_tokens",
    dialect,
    summary: "Count the prompt tokens of a chat completion",
  }, async () => (await import("./tokens.ts")).countChatTokens),
  lazyRoute({
    method: "POST",
    scope: "chat",
    path: "/v1/responses/input_tokens",
    dialect,
    summary: "Count the prompt tokens of a response",
  }, async () => (await import("./tokens.ts")).countResponseTokens),
];

/** All routes of OpenAI's API and its extensions, except those that are shared with another dialect. */
export const openaiRoutes: readonly Route[] = [
  ...modelRoutes,
  ...answerRoutes,
  ...responseRoutes,
  lazyRoute({
    method: "POST",
    path: "/v1/embeddings",
    scope: "embed",
    dialect,
    summary: "Unit-length embeddings",
  }, async () => (await import("./embeddings/embeddings.ts")).createEmbeddings),
  ...audioRoutes,
  ...tokenRoutes,
];

/** `/v1/rerank` in Jina's form: OpenAI's API has no such route. The path has another form too. */
export const jinaRerankRoute: Route = lazyRoute({
  method: "POST",
  path: "/v1/rerank",
  scope: "embed",
  dialect,
  summary: "Score documents for a query, best first",
}, async () => (await import("./embeddings/rerank.ts")).jinaRerank);

/** `POST /tokenize` in vLLM's form. The path has another form in the dialect of llama.cpp. */
export const vllmTokenizeRoute: Route = lazyRoute({
  method: "POST",
  scope: "chat",
  path: "/tokenize",
  dialect,
  summary: "Tokenize a text or a conversation, in vLLM's form",
}, async () => (await import("./tokens.ts")).vllmTokenize);
