import { lazyRoute, type Route, type RouteForm } from "../../http/mod.ts";
import { llamacppDialect } from "./dialect.ts";

const dialect = llamacppDialect;

const MODEL_QUERY = { model: "Default: the default model" };

/** Completions of text, in the form of llama-server. */
const completionRoutes: readonly Route[] = ["/completion", "/completions"].map((path) =>
  lazyRoute({
    method: "POST",
    scope: "chat",
    path,
    dialect,
    summary: "Generate a continuation of text",
    streams: ["text/event-stream"],
  }, async () => (await import("./completion/completion.ts")).textCompletion)
);

/** Embeddings in the form of llama-server. */
const embeddingRoutes: readonly Route[] = ["/embedding", "/embeddings"].map((path) =>
  lazyRoute(
    { method: "POST", scope: "embed", path, dialect, summary: "Embeddings" },
    async () => (await import("./embeddings.ts")).createEmbeddings,
  )
);

/** Models, properties, slots and adapters. */
const stateRoutes: readonly Route[] = [
  lazyRoute({
    method: "GET",
    scope: "models:read",
    path: "/models",
    dialect,
    summary: "List models with their aliases and tags",
  }, async () => (await import("./state/models.ts")).listModels),
  lazyRoute({
    method: "GET",
    scope: "models:read",
    path: "/props",
    dialect,
    summary: "Properties of a model and default settings of requests",
    costly: true,
    query: MODEL_QUERY,
  }, async () => (await import("./state/props.ts")).getProps),
  lazyRoute({
    method: "POST",
    scope: "admin",
    path: "/props",
    dialect,
    summary: "Refused: there are no properties to change",
  }, async () => (await import("./state/props.ts")).setProps),
  lazyRoute({
    method: "GET",
    scope: "models:read",
    path: "/slots",
    dialect,
    summary: "State of the slots of a model",
    costly: true,
    query: { ...MODEL_QUERY, fail_on_no_slot: "Status 503 when no slot is free" },
  }, async () => (await import("./state/slots.ts")).listSlots),
  lazyRoute({
    method: "POST",
    scope: "admin",
    path: "/slots/:id",
    dialect,
    summary: "Save, restore or erase the prompt cache of a slot",
    query: { ...MODEL_QUERY, action: "save, restore, erase" },
  }, async () => (await import("./state/slots.ts")).changeSlot),
  lazyRoute({
    method: "GET",
    scope: "models:read",
    path: "/lora-adapters",
    dialect,
    summary: "List the loaded adapters of a model",
    costly: true,
    query: MODEL_QUERY,
  }, async () => (await import("./state/lora_adapters.ts")).listAdapters),
  lazyRoute({
    method: "POST",
    scope: "admin",
    path: "/lora-adapters",
    dialect,
    summary: "Set the scales of adapters for requests that set none",
    query: MODEL_QUERY,
  }, async () => (await import("./state/lora_adapters.ts")).scaleAdapters),
  lazyRoute({
    method: "POST",
    scope: "chat",
    path: "/v1/chat/completions/control",
    dialect,
    summary: "End the reasoning of a chat completion that is streamed",
  }, async () => (await import("./state/control.ts")).controlCompletion),
];

/** All routes except those that are shared with another dialect. */
export const llamacppRoutes: readonly Route[] = [
  ...completionRoutes,
  lazyRoute({
    method: "POST",
    scope: "chat",
    path: "/infill",
    dialect,
    summary: "Generate the text of a gap in code",
    streams: ["text/event-stream"],
  }, async () => (await import("./infill/infill.ts")).infillCode),
  ...embeddingRoutes,
  ...stateRoutes,
];

/** `POST /tokenize` for a body with `content`. The path has another form in another dialect. */
export const tokenizeRoute: RouteForm = {
  ...lazyRoute({
    method: "POST",
    scope: "chat",
    path: "/tokenize",
    dialect,
    summary: "Tokenize a text",
  }, async () => (await import("./tokenize.ts")).tokenizeText),
  accepts: (body) =>
    typeof body !== "object" || body === null || "content" in body ||
    !("prompt" in body || "messages" in body),
};

/** The paths at which llama-server scores documents. */
export const RERANK_PATHS = ["/rerank", "/reranking", "/v1/rerank", "/v1/reranking"] as const;

/** Reranking for a body with `texts`. The paths have another form in another dialect. */
export function teiRerankRoute(path: Route["path"]): RouteForm {
  return {
    ...lazyRoute({
      method: "POST",
      scope: "embed",
      path,
      dialect,
      summary: "Score texts for a query, in the form of Text Embeddings Inference",
    }, async () => (await import("./rerank.ts")).teiRerank),
    accepts: (body) => typeof body === "object" && body !== null && "texts" in body,
  };
}
