/**
 * Ollama's API. Each route is available under `/api` and `/ollama/api`, for clients with a base path.
 *
 * @module
 */
import { type Exchange, readOptionalJson, type Route } from "../../http/mod.ts";
import * as answers from "./response_schemas.ts";
import { chat } from "./generation/chat.ts";
import { embed, embeddings } from "./generation/embed.ts";
import { ollamaDialect } from "./dialect.ts";
import { ollamaGenerate } from "./generation/generate.ts";
import { ps, show, status, tags, version } from "./models/models.ts";
import { copy, create, findBlob, push, receiveBlob } from "./models/create.ts";
import { pull, remove } from "./models/pull.ts";
import { isOllamaGenerate } from "./request/is_ollama_generate.ts";
import { copyBody, createBody, pushBody } from "./request/create_schema.ts";
import {
  chatBody,
  deleteBody,
  embedBody,
  embeddingsBody,
  generateBody,
  pullBody,
  showBody,
} from "./request/schema.ts";

export { ollamaDialect } from "./dialect.ts";

type OllamaRoute = Omit<Route, "dialect">;

const routes: readonly OllamaRoute[] = [
  {
    method: "GET",
    path: "/api/tags",
    scope: "models:read",
    summary: "List available models",
    answer: answers.tagsAnswer,
    handle: tags,
  },
  {
    method: "GET",
    path: "/api/ps",
    scope: "models:read",
    summary: "List loaded models",
    answer: answers.psAnswer,
    handle: ps,
  },
  {
    method: "GET",
    path: "/api/version",
    scope: "any",
    summary: "Version of Ollama whose API is spoken, and version of Shimmy",
    answer: answers.versionAnswer,
    handle: version,
  },
  {
    method: "POST",
    path: "/api/chat",
    scope: "chat",
    summary: "Generate an answer for a conversation",
    body: chatBody,
    answer: answers.chatAnswer,
    streams: ["application/x-ndjson"],
    handle: chat,
  },
  {
    method: "POST",
    path: "/api/embed",
    scope: "embed",
    summary: "Unit-length embeddings",
    body: embedBody,
    answer: answers.embedAnswer,
    handle: embed,
  },
  {
    method: "POST",
    path: "/api/embeddings",
    scope: "embed",
    summary: "Embedding of one text; the older form of /api/embed",
    body: embeddingsBody,
    answer: answers.embeddingsAnswer,
    handle: embeddings,
  },
  {
    method: "POST",
    path: "/api/show",
    scope: "models:read",
    summary: "Details of a model",
    body: showBody,
    answer: answers.showAnswer,
    handle: show,
  },
  {
    method: "POST",
    path: "/api/pull",
    scope: "admin",
    summary: "Pull a model from Ollama's registry or Hugging Face",
    body: pullBody,
    answer: answers.pullAnswer,
    streams: ["application/x-ndjson"],
    handle: pull,
  },
  {
    method: "POST",
    path: "/api/create",
    scope: "admin",
    summary: "Create a model from another model or from blobs",
    body: createBody,
    answer: answers.pullAnswer,
    streams: ["application/x-ndjson"],
    handle: create,
  },
  {
    method: "POST",
    path: "/api/copy",
    scope: "admin",
    summary: "Give a model another name",
    body: copyBody,
    handle: copy,
  },
  {
    method: "GET",
    path: "/api/blobs/:digest",
    scope: "admin",
    summary: "Check whether a blob exists, usually with HEAD",
    handle: findBlob,
  },
  {
    method: "POST",
    path: "/api/blobs/:digest",
    scope: "admin",
    summary: "Upload a file for /api/create; its digest is checked",
    handle: receiveBlob,
  },
  {
    method: "POST",
    path: "/api/push",
    scope: "admin",
    summary: "Refused: models are not published",
    body: pushBody,
    handle: push,
  },
  {
    method: "GET",
    path: "/api/status",
    scope: "any",
    summary: "State of Ollama's cloud, which is always disabled",
    answer: answers.statusAnswer,
    handle: status,
  },
  {
    method: "DELETE",
    path: "/api/delete",
    scope: "admin",
    summary: "Delete a model that was pulled",
    body: deleteBody,
    handle: remove,
  },
];

/** Answers requests in Ollama's form to the path that is shared with the native API. */
export const sharedGenerate = {
  matches: isOllamaGenerate,
  handle: async (exchange: Exchange, body: unknown): Promise<Response> => {
    exchange.useDialect(ollamaDialect);
    return await ollamaGenerate(exchange, body);
  },
  answer: answers.generateAnswer,
};

/** Without the prefix `/ollama`, the route is shared with the native API on Shimmy's own address. */
const generate: OllamaRoute = {
  method: "POST",
  path: "/api/generate",
  scope: "chat",
  summary: "Generate an answer for a prompt",
  body: generateBody,
  answer: answers.generateAnswer,
  streams: ["application/x-ndjson"],
  handle: async (exchange: Exchange) => ollamaGenerate(exchange, await readOptionalJson(exchange)),
};

/** All routes of Ollama's API except `POST /api/generate` without the prefix. */
export const ollamaRoutes: readonly Route[] = [
  ...routes,
  ...[...routes, generate].map((route) => ({ ...route, path: `/ollama${route.path}` })),
].map((route) => ({ ...route, dialect: ollamaDialect }));

/** Routes of the address that stands in for Ollama's server: there, these paths are Ollama's. */
export const ollamaOnlyRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/",
    scope: "any",
    dialect: ollamaDialect,
    summary: "Liveness check",
    text: true,
    open: true,
    handle: () => new Response("Ollama is running"),
  },
  { ...generate, dialect: ollamaDialect },
];
