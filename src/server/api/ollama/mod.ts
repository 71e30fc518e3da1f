/** Ollama's API. Every route stands under `/api` and under `/ollama/api`, for clients given a base path. */
import { type Exchange, readJson, type Route } from "../../http/mod.ts";
import * as answers from "./response_schemas.ts";
import { chat } from "./generation/chat.ts";
import { embed, embeddings } from "./generation/embed.ts";
import { ollamaDialect } from "./dialect.ts";
import { ollamaGenerate } from "./generation/generate.ts";
import { ps, show, tags, version } from "./models/models.ts";
import { pull, remove } from "./models/pull.ts";
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
export { ollamaGenerate } from "./generation/generate.ts";
export { isOllamaGenerate } from "./request/is_ollama_generate.ts";

type OllamaRoute = Omit<Route, "dialect">;

const routes: readonly OllamaRoute[] = [
  {
    method: "GET",
    path: "/api/tags",
    summary: "The models there are",
    answer: answers.tagsAnswer,
    handle: tags,
  },
  {
    method: "GET",
    path: "/api/ps",
    summary: "The models that are loaded",
    answer: answers.psAnswer,
    handle: ps,
  },
  {
    method: "GET",
    path: "/api/version",
    summary: "Shimmy's version",
    answer: answers.versionAnswer,
    handle: version,
  },
  {
    method: "POST",
    path: "/api/chat",
    summary: "Answers a conversation",
    body: chatBody,
    answer: answers.chatAnswer,
    streams: ["application/x-ndjson"],
    handle: chat,
  },
  {
    method: "POST",
    path: "/api/embed",
    summary: "Embeds texts, each as a vector of length 1",
    body: embedBody,
    answer: answers.embedAnswer,
    handle: embed,
  },
  {
    method: "POST",
    path: "/api/embeddings",
    summary: "Embeds one text; the older form of /api/embed",
    body: embeddingsBody,
    answer: answers.embeddingsAnswer,
    handle: embeddings,
  },
  {
    method: "POST",
    path: "/api/show",
    summary: "What is known of a model",
    body: showBody,
    answer: answers.showAnswer,
    handle: show,
  },
  {
    method: "POST",
    path: "/api/pull",
    summary: "Pulls a model from Ollama's registry or Hugging Face",
    body: pullBody,
    answer: answers.pullAnswer,
    streams: ["application/x-ndjson"],
    handle: pull,
  },
  {
    method: "DELETE",
    path: "/api/delete",
    summary: "Removes a model that was pulled",
    body: deleteBody,
    handle: remove,
  },
];

/** Alone under `/ollama`: without the prefix the route is shared with the native API. */
const generate: OllamaRoute = {
  method: "POST",
  path: "/api/generate",
  summary: "Answers a prompt",
  body: generateBody,
  answer: answers.generateAnswer,
  streams: ["application/x-ndjson"],
  handle: async (exchange: Exchange) => ollamaGenerate(exchange, await readJson(exchange)),
};

/** Ollama's routes, all but `POST /api/generate` without the prefix. */
export const ollamaRoutes: readonly Route[] = [
  ...routes,
  ...[...routes, generate].map((route) => ({ ...route, path: `/ollama${route.path}` })),
].map((route) => ({ ...route, dialect: ollamaDialect }));
