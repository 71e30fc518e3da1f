import * as z from "zod";
import type { ModelInfo } from "../../../engine/protocol.ts";
import type { ModelEntry } from "../../../models/entry.ts";
import type { ModelPool } from "../../../models/pool.ts";
import type { Exchange, Route } from "../../route.ts";
import { nativeDialect } from "./dialect.ts";

const stateSchema = z.enum(["unloaded", "loading", "loaded", "failed"]);

const modelSchema = z.object({
  name: z.string(),
  state: stateSchema,
  kind: z.enum(["language", "embedding", "rerank"]),
  source: z.string(),
  architecture: z.string(),
  quantization: z.string(),
  parameters: z.number().nullable(),
  context_length: z.number().nullable().describe("Tokens the model was trained on"),
  size: z.number().describe("Bytes"),
  modified_at: z.iso.datetime(),
});

const modelListSchema = z.object({ models: z.array(modelSchema) });

const modelStatusSchema = z.object({
  name: z.string(),
  state: stateSchema,
  progress: z.number().describe("0 to 1 while it loads"),
  error: z.string().nullable().describe("Why the last load failed"),
  loaded: z.object({
    description: z.string(),
    context_length: z.int().describe("Tokens one sequence may hold"),
    parallel: z.int(),
    devices: z.array(z.string()),
    offloaded_layers: z.int(),
    layers: z.int(),
    load_ms: z.number(),
    notes: z.array(z.string()),
  }).nullable(),
});

type ModelStatus = z.output<typeof modelStatusSchema>;

const unloadSchema = z.object({ name: z.string(), unloaded: z.boolean(), state: stateSchema });

function describe(pool: ModelPool, entry: ModelEntry): z.output<typeof modelSchema> {
  return {
    name: entry.name,
    state: pool.state(entry).state,
    kind: entry.kind,
    source: entry.source,
    architecture: entry.architecture,
    quantization: entry.quantization,
    parameters: entry.parameters,
    context_length: entry.contextLength,
    size: entry.size,
    modified_at: new Date(entry.modified).toISOString(),
  };
}

function statusOf(pool: ModelPool, entry: ModelEntry): ModelStatus {
  const { state, progress, error, engine } = pool.state(entry);
  return {
    name: entry.name,
    state,
    progress,
    error,
    loaded: engine === null ? null : loadedAs(engine.info),
  };
}

function loadedAs(info: ModelInfo): NonNullable<ModelStatus["loaded"]> {
  return {
    description: info.description,
    context_length: info.contextLength,
    parallel: info.parallel,
    devices: info.devices.map(({ name }) => name),
    offloaded_layers: info.offloadedLayers,
    layers: info.layers,
    load_ms: info.loadMs,
    notes: [...info.notes],
  };
}

/** The model that a route's path names. */
async function named({ context, params }: Exchange): Promise<[ModelPool, ModelEntry]> {
  return [context.pool, await context.pool.resolve(params.name)];
}

/** The registry of models. */
export const modelRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/models",
    dialect: nativeDialect,
    summary: "List the models that are registered or discovered",
    answer: modelListSchema,
    async handle({ context: { pool } }) {
      return Response.json({ models: (await pool.list()).map((entry) => describe(pool, entry)) });
    },
  },
  {
    method: "POST",
    path: "/api/models/discover",
    dialect: nativeDialect,
    summary: "Look for models again",
    answer: modelListSchema,
    async handle({ context: { pool } }) {
      return Response.json({ models: (await pool.rescan()).map((entry) => describe(pool, entry)) });
    },
  },
  {
    method: "POST",
    path: "/api/models/:name/load",
    dialect: nativeDialect,
    summary: "Load a model; answers when it is loaded",
    answer: modelStatusSchema,
    async handle(exchange) {
      const [pool, entry] = await named(exchange);
      await pool.engine(entry, exchange.signal);
      return Response.json(statusOf(pool, entry));
    },
  },
  {
    method: "POST",
    path: "/api/models/:name/unload",
    dialect: nativeDialect,
    summary: "Unload a model; answers that run are ended",
    answer: unloadSchema,
    async handle(exchange) {
      const [pool, entry] = await named(exchange);
      const unloaded = await pool.unload(entry);
      return Response.json({ name: entry.name, unloaded, state: pool.state(entry).state });
    },
  },
  {
    method: "GET",
    path: "/api/models/:name/status",
    dialect: nativeDialect,
    summary: "What a model is doing",
    answer: modelStatusSchema,
    async handle(exchange) {
      return Response.json(statusOf(...await named(exchange)));
    },
  },
];
