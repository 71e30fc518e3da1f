/**
 * Ollama's API. Each route is available under `/api` and `/ollama/api`, for clients with a base path.
 *
 * @module
 */
import { type Exchange, lazyRoute, type Route } from "../../http/mod.ts";
import { ollamaDialect } from "./dialect.ts";
import { isOllamaGenerate } from "./request/is_ollama_generate.ts";

export { ollamaDialect } from "./dialect.ts";

const dialect = ollamaDialect;

const routes: readonly Route[] = [
  lazyRoute({
    method: "GET",
    path: "/api/tags",
    dialect,
    scope: "models:read",
    summary: "List available models",
  }, async () => (await import("./code.ts")).tagsCode),
  lazyRoute({
    method: "GET",
    path: "/api/ps",
    dialect,
    scope: "models:read",
    summary: "List loaded models",
  }, async () => (await import("./code.ts")).psCode),
  lazyRoute({
    method: "GET",
    path: "/api/version",
    dialect,
    scope: "any",
    summary: "Version of Ollama whose API is spoken, and version of Shimmy",
  }, async () => (await import("./code.ts")).versionCode),
  lazyRoute({
    method: "POST",
    path: "/api/chat",
    dialect,
    scope: "chat",
    summary: "Generate an answer for a conversation",
    streams: ["application/x-ndjson"],
  }, async () => (await import("./code.ts")).chatCode),
  lazyRoute({
    method: "POST",
    path: "/api/embed",
    dialect,
    scope: "embed",
    summary: "Unit-length embeddings",
  }, async () => (await import("./code.ts")).embedCode),
  lazyRoute({
    method: "POST",
    path: "/api/embeddings",
    dialect,
    scope: "embed",
    summary: "Embedding of one text; the older form of /api/embed",
  }, async () => (await import("./code.ts")).embeddingsCode),
  lazyRoute({
    method: "POST",
    path: "/api/show",
    dialect,
    scope: "models:read",
    summary: "Details of a model",
  }, async () => (await import("./code.ts")).showCode),
  lazyRoute({
    method: "POST",
    path: "/api/pull",
    dialect,
    scope: "admin",
    summary: "Pull a model from Ollama's registry or Hugging Face",
    streams: ["application/x-ndjson"],
  }, async () => (await import("./code.ts")).pullCode),
  lazyRoute({
    method: "POST",
    path: "/api/create",
    dialect,
    scope: "admin",
    summary: "Create a model from another model or from blobs",
    streams: ["application/x-ndjson"],
  }, async () => (await import("./code.ts")).createCode),
  lazyRoute({
    method: "POST",
    path: "/api/copy",
    dialect,
    scope: "admin",
    summary: "Give a model another name",
  }, async () => (await import("./code.ts")).copyCode),
  lazyRoute({
    method: "GET",
    path: "/api/blobs/:digest",
    dialect,
    scope: "admin",
    summary: "Check whether a blob exists, usually with HEAD",
  }, async () => (await import("./code.ts")).findBlobCode),
  lazyRoute({
    method: "POST",
    path: "/api/blobs/:digest",
    dialect,
    scope: "admin",
    summary: "Upload a file for /api/create; its digest is checked",
  }, async () => (await import("./code.ts")).receiveBlobCode),
  lazyRoute({
    method: "POST",
    path: "/api/push",
    dialect,
    scope: "admin",
    summary: "Refused: models are not published",
  }, async () => (await import("./code.ts")).pushCode),
  lazyRoute({
    method: "GET",
    path: "/api/status",
    dialect,
    scope: "any",
    summary: "State of Ollama's cloud, which is always disabled",
  }, async () => (await import("./code.ts")).statusCode),
  lazyRoute({
    method: "DELETE",
    path: "/api/delete",
    dialect,
    scope: "admin",
    summary: "Delete a model that was pulled",
  }, async () => (await import("./code.ts")).removeCode),
];

/** Answers requests in Ollama's form to the path that is shared with the native API. */
export const sharedGenerate = {
  matches: isOllamaGenerate,
  load: async () => {
    const [{ ollamaGenerate }, { generateAnswer }] = await Promise.all([
      import("./generation/generate.ts"),
      import("./response_schemas.ts"),
    ]);
    return {
      answer: generateAnswer,
      handle: async (exchange: Exchange, body: unknown): Promise<Response> => {
        exchange.useDialect(dialect);
        return await ollamaGenerate(exchange, body);
      },
    };
  },
};

/** Without the prefix `/ollama`, the route is shared with the native API on Shimmy's own address. */
const generate = lazyRoute({
  method: "POST",
  path: "/api/generate",
  dialect,
  scope: "chat",
  summary: "Generate an answer for a prompt",
  streams: ["application/x-ndjson"],
}, async () => (await import("./code.ts")).generateCode);

/** All routes of Ollama's API except `POST /api/generate` without the prefix. */
export const ollamaRoutes: readonly Route[] = [
  ...routes,
  ...[...routes, generate].map((route) => ({ ...route, path: `/ollama${route.path}` })),
];

/** Routes of the address that stands in for Ollama's server: there, these paths are Ollama's. */
export const ollamaOnlyRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/",
    scope: "any",
    dialect,
    summary: "Liveness check",
    text: true,
    open: true,
    handle: () => new Response("Ollama is running"),
  },
  generate,
];
