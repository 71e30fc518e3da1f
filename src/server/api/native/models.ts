import * as z from "zod";
import type { LoadPlan } from "../../../engine/planning/mod.ts";
import type { EmbeddingStatus, EngineStatus, ModelInfo } from "../../../engine/protocol/mod.ts";
import {
  capabilitiesOf,
  embeddingJson,
  type ModelEntry,
  placementJson,
} from "../../../models/entry/mod.ts";
import type { ModelPool, ModelState } from "../../../models/registry/mod.ts";
import { type Exchange, parse, readOptionalJson, type Route } from "../../http/mod.ts";
import { engineStatus } from "../../metrics/mod.ts";
import { engineForEntry } from "../../answers/mod.ts";
import { keepAlive, keepAliveOf } from "../../schemas/mod.ts";
import { nativeDialect } from "./dialect.ts";
import { statisticsOf, statisticsSchema } from "./statistics.ts";

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

/** What of a model lies on a device, in bytes. */
const placementSchema = z.object({
  device: z.string(),
  layers: z.int().describe("The output counts as one"),
  weight_bytes: z.int(),
  kv_bytes: z.int().nullable(),
  compute_bytes: z.int().nullable(),
});

/** The context that computes embeddings and scores, which is made when the first one is asked for. */
const embeddingSchema = z.object({
  input_limit: z.int().describe("Tokens an input may have"),
  context_length: z.int().describe("Tokens it has room for now; longer inputs make it larger"),
  memory: z.array(placementSchema.pick({ device: true, kv_bytes: true, compute_bytes: true }))
    .nullable().describe("Null where libllama did not say"),
  queued: z.int().describe("Inputs that wait"),
  inputs: z.int().describe("Inputs that were computed"),
  tokens: z.int().describe("Their tokens"),
  batches: z.int().describe("Native calls it took"),
});

const planSchema = z.object({
  name: z.string(),
  fits: z.boolean(),
  layers: z.int().describe("The output counts as one"),
  offloaded_layers: z.int(),
  context_length: z.int().describe("Tokens one sequence would hold"),
  parallel: z.int(),
  devices: z.array(placementSchema.extend({
    cache_bytes: z.int().describe("What states of finished answers may take in time"),
    memory_free: z.int(),
    memory_total: z.int(),
    memory_reserved: z.int().describe("Of what is free, what shall be left free"),
  })),
  expert_bytes: z.int().describe("Of all experts"),
  saved_bytes: z.int().describe("Kept off the devices by --cpu-moe and its like"),
  notes: z.array(z.string()),
});

const modelStatusSchema = z.object({
  name: z.string(),
  state: stateSchema,
  progress: z.number().describe("0 to 1 while it loads"),
  error: z.string().nullable().describe("Why the last load failed"),
  retry_seconds: z.int().optional().describe("Until a model that failed again and again is tried"),
  requests: z.int().optional().describe("Requests that use it"),
  pinned: z.boolean().optional().describe("It is the last to go when room is needed"),
  expires_at: z.iso.datetime().nullable().optional()
    .describe("When it is unloaded unless it is used; null: it is not for being idle"),
  memory_bytes: z.int().nullable().optional().describe("What it is expected to take"),
  loaded: z.object({
    description: z.string(),
    capabilities: z.array(z.enum(["completion", "tools", "thinking", "embedding", "rerank"])),
    context_length: z.int().describe("Tokens one sequence may hold"),
    parallel: z.int(),
    devices: z.array(z.string()),
    offloaded_layers: z.int(),
    layers: z.int(),
    placement: z.array(placementSchema),
    embedding: embeddingSchema.nullable()
      .describe(
        "The context for embeddings; null until there is one, or while the model is too busy",
      ),
    load_ms: z.number(),
    notes: z.array(z.string()),
    statistics: statisticsSchema.nullable().describe(
      "Since it was loaded; null while it is too busy",
    ),
  }).nullable(),
});

type ModelStatus = z.output<typeof modelStatusSchema>;

const loadSchema = z.strictObject({ keep_alive: keepAlive });

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

async function statusOf(pool: ModelPool, entry: ModelEntry): Promise<ModelStatus> {
  const { state, progress, error, engine, ...more } = pool.state(entry);
  return {
    name: entry.name,
    state,
    progress,
    error,
    ...useOf(more),
    loaded: engine === null ? null : loadedAs(engine.info, await engineStatus(engine)),
  };
}

/** How a model is used, and when one that failed is tried again. */
export function useOf({ use, retryMs }: Pick<ModelState, "use" | "retryMs">) {
  return {
    ...(retryMs === undefined ? {} : { retry_seconds: Math.ceil(retryMs / 1000) }),
    ...(use === undefined ? {} : {
      requests: use.requests,
      pinned: use.isPinned,
      expires_at: use.expiresInMs === null
        ? null
        : new Date(Date.now() + use.expiresInMs).toISOString(),
      memory_bytes: use.bytes,
    }),
  };
}

function loadedAs(
  info: ModelInfo,
  status: EngineStatus | null,
): NonNullable<ModelStatus["loaded"]> {
  return {
    description: info.description,
    capabilities: capabilitiesOf(info),
    context_length: info.contextLength,
    parallel: info.parallel,
    devices: info.devices.map(({ name }) => name),
    offloaded_layers: info.offloadedLayers,
    layers: info.layers,
    placement: placementJson(info.placement),
    embedding: embeddingAs(status?.embedding ?? null),
    load_ms: info.loadMs,
    notes: [...info.notes],
    statistics: status === null ? null : statisticsOf(status),
  };
}

/** The context that embeds, in the wire's spelling. */
export function embeddingAs(
  embedding: EmbeddingStatus | null,
): z.output<typeof embeddingSchema> | null {
  if (embedding === null) return null;
  const { queued, inputs, tokens, batches } = embedding;
  return { ...embeddingJson(embedding)!, queued, inputs, tokens, batches };
}

function planAs(name: string, plan: LoadPlan): z.output<typeof planSchema> {
  return {
    name,
    fits: plan.fits,
    layers: plan.layers,
    offloaded_layers: plan.offloadedLayers,
    context_length: plan.contextLength,
    parallel: plan.parallel,
    devices: plan.devices.map((device) => ({
      ...placementJson([device])[0]!,
      cache_bytes: device.cacheBytes,
      memory_free: device.memoryFree,
      memory_total: device.memoryTotal,
      memory_reserved: device.memoryReserved,
    })),
    expert_bytes: plan.expertBytes,
    saved_bytes: plan.savedBytes,
    notes: [...plan.notes],
  };
}

/** The body of a load; there need not be one. */
async function loadBody(exchange: Exchange): Promise<z.output<typeof loadSchema>> {
  return parse(loadSchema, await readOptionalJson(exchange) ?? {});
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
    body: loadSchema,
    answer: modelStatusSchema,
    async handle(exchange) {
      const [pool, entry] = await named(exchange);
      const { keep_alive } = await loadBody(exchange);
      await engineForEntry(exchange, entry, keepAliveOf(keep_alive));
      return Response.json(await statusOf(pool, entry));
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
    path: "/api/models/:name/plan",
    dialect: nativeDialect,
    summary: "Whether and how a model would fit, without loading it",
    answer: planSchema,
    async handle(exchange) {
      const [pool, entry] = await named(exchange);
      return Response.json(planAs(entry.name, await pool.plan(entry, exchange.signal)));
    },
  },
  {
    method: "GET",
    path: "/api/models/:name/status",
    dialect: nativeDialect,
    summary: "What a model is doing",
    answer: modelStatusSchema,
    async handle(exchange) {
      return Response.json(await statusOf(...await named(exchange)));
    },
  },
];
