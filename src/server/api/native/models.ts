import * as z from "zod";
import type { EmbeddingStatus, EngineStatus, ModelInfo } from "../../../engine/protocol/mod.ts";
import {
  CAPABILITIES,
  capabilitiesOf,
  embeddingJson,
  keepAliveEnd,
  type ModelEntry,
  placementJson,
  planJson,
  shapeJson,
} from "../../../models/entry/mod.ts";
import type { ModelPool, ModelState } from "../../../models/registry/mod.ts";
import { type Exchange, readOptionalJson, type RouteCode } from "../../http/mod.ts";
import { parseStrict } from "../../validation/mod.ts";
import { engineStatus } from "../../metrics/mod.ts";
import { engineForEntry } from "../../answers/mod.ts";
import { keepAlive, keepAliveOf } from "../../schemas/mod.ts";
import { memorySchema, statisticsOf, statisticsSchema } from "./statistics.ts";

const stateSchema = z.enum(["unloaded", "loading", "loaded", "failed"]);

const modelSchema = z.object({
  name: z.string(),
  state: stateSchema,
  kind: z.enum(["language", "embedding", "rerank"]),
  source: z.string(),
  architecture: z.string(),
  quantization: z.string(),
  parameters: z.number().nullable(),
  context_length: z.number().nullable().describe("Context length in training, in tokens"),
  size: z.number().describe("Bytes"),
  modified_at: z.iso.datetime(),
  removed: z.boolean().optional().describe("The file was removed; the model is still loaded"),
  capabilities: z.array(z.enum(CAPABILITIES)),
  default: z.boolean().describe("Whether requests without a model get this one"),
  deletable: z.boolean().describe("Whether DELETE /api/delete removes it: Shimmy pulled it"),
});

const modelListSchema = z.object({
  models: z.array(modelSchema),
  max_body_bytes: z.int().describe("Maximum size of a request's body (--max-body)"),
});

/** Memory of a model on a device, in bytes. */
const placementSchema = z.object({
  device: z.string(),
  layers: z.int().describe("The output layer counts as one"),
  weight_bytes: z.int(),
  kv_bytes: z.int().nullable(),
  compute_bytes: z.int().nullable(),
});

/** How sequences share the KV cache. */
const shapeSchema = z.object({
  context_length: z.int().describe("Maximum tokens of a sequence"),
  parallel: z.int().describe("Sequences that run in parallel"),
  kv_unified: z.boolean().describe("Whether all sequences share one KV buffer"),
  kv_cells: z.int().describe("KV cells in total, one for each token"),
  kv_bytes: z.int().describe("Upper bound of the KV cache"),
  swa_full: z.boolean().describe(
    "Whether layers with a sliding window keep all cells; true without such layers",
  ),
  reason: z.string().describe("Why the context has this shape"),
});

/** The context for embeddings and scores; the first such request creates it. */
const embeddingSchema = z.object({
  input_limit: z.int().describe("Maximum tokens of an input"),
  context_length: z.int().describe("Current size in tokens; longer inputs enlarge it"),
  memory: z.array(placementSchema.pick({ device: true, kv_bytes: true, compute_bytes: true }))
    .nullable().describe("Null when libllama does not report it"),
  queued: z.int().describe("Inputs in the queue"),
  inputs: z.int().describe("Computed inputs"),
  tokens: z.int().describe("Computed tokens"),
  batches: z.int().describe("Batches that were decoded"),
});

const planSchema = z.object({
  name: z.string(),
  fits: z.boolean(),
  layers: z.int().describe("The output layer counts as one"),
  offloaded_layers: z.int(),
  context_length: z.int().describe("Context length of a sequence in tokens"),
  parallel: z.int(),
  context: shapeSchema,
  memory: memorySchema,
  sliding_window_bytes: z.object({
    full: z.int().describe("With all cells"),
    window: z.int().describe("With the cells of the window"),
  }).nullable().describe("KV cache of both values of --swa-full; null without such layers"),
  devices: z.array(placementSchema.extend({
    cache_bytes: z.int().describe("Maximum size of cached states of finished requests"),
    memory_free: z.int(),
    memory_total: z.int(),
    memory_reserved: z.int().describe("Free memory that is kept in reserve"),
  })),
  expert_bytes: z.int().describe("Size of all experts"),
  saved_bytes: z.int().describe("Weights kept on the CPU by --cpu-moe and similar options"),
  notes: z.array(z.string()),
});

const modelStatusSchema = z.object({
  name: z.string(),
  state: stateSchema,
  progress: z.number().describe("0 to 1 while the model loads"),
  error: z.string().nullable().describe("Why the last load failed"),
  retry_seconds: z.int().optional().describe(
    "Seconds until the next load attempt after repeated failures",
  ),
  requests: z.int().optional().describe("Running requests of the model"),
  pinned: z.boolean().optional().describe("Whether the model is evicted last"),
  expires_at: z.iso.datetime().nullable().optional()
    .describe("When the idle model is unloaded; null: never"),
  memory_bytes: z.int().nullable().optional().describe("Estimated memory"),
  loaded: z.object({
    description: z.string(),
    capabilities: z.array(z.enum(CAPABILITIES)),
    context_length: z.int().describe("Context length of a sequence in tokens"),
    parallel: z.int(),
    context: shapeSchema.extend({
      replacements: z.int().nullable()
        .describe("Contexts that replaced another one for a longer sequence; null while busy"),
      waiting: z.int().nullable()
        .describe("Tokens of a sequence that waits for a larger context"),
    }).nullable().describe("Null for a model that does not generate"),
    devices: z.array(z.string()),
    stream_interval: z.int().describe(
      "Minimum milliseconds between two messages with tokens; 0: each token is sent at once",
    ),
    offloaded_layers: z.int().describe("The output layer counts as one"),
    layers: z.int().describe("Without the output layer"),
    placement: z.array(placementSchema),
    embedding: embeddingSchema.nullable()
      .describe(
        "The context for embeddings; null before the first request, or while the model is busy",
      ),
    load_ms: z.number(),
    notes: z.array(z.string()),
    statistics: statisticsSchema.nullable().describe(
      "Counts since the model was loaded, with those of the short requests that the server sends " +
        "itself when it starts; null while the model is busy",
    ),
  }).nullable(),
});

type ModelStatus = z.output<typeof modelStatusSchema>;

const loadSchema = z.strictObject({ keep_alive: keepAlive });

const unloadSchema = z.object({ name: z.string(), unloaded: z.boolean(), state: stateSchema });

/** The models of a list, with what depends on the whole list. */
async function describeAll(
  { pool, store, settings }: Exchange["context"],
  entries: readonly ModelEntry[],
): Promise<z.output<typeof modelListSchema>> {
  const [chosen, pulled] = await Promise.all([
    // There may be no model, or none that the key may use.
    pool.resolve(undefined).catch(() => null),
    // What cannot be read is not deleted either.
    store?.pulled(entries).catch(() => null),
  ]);
  return {
    models: entries.map((entry) => ({
      ...describe(pool, entry),
      default: entry.name === chosen?.name,
      deletable: pulled?.has(entry.name) ?? false,
    })),
    max_body_bytes: settings.maxBodyBytes,
  };
}

function describe(
  pool: ModelPool,
  entry: ModelEntry,
): Omit<z.output<typeof modelSchema>, "default" | "deletable"> {
  const { state, engine } = pool.state(entry);
  return {
    name: entry.name,
    state,
    kind: entry.kind,
    source: entry.source,
    architecture: entry.architecture,
    quantization: entry.quantization,
    parameters: entry.parameters,
    context_length: entry.contextLength,
    size: entry.size,
    modified_at: new Date(entry.modified).toISOString(),
    ...(entry.isRemoved ? { removed: true } : {}),
    capabilities: capabilitiesOf(entry, engine?.info),
  };
}

async function statusOf(pool: ModelPool, entry: ModelEntry): Promise<ModelStatus> {
  const { state, progress, error, engine, ...more } = pool.state(entry);
  return {
    name: entry.name,
    state,
    progress,
    error,
    ...toUsageStatus(more),
    loaded: engine === null ? null : toLoadedStatus(engine.info, await engineStatus(engine)),
  };
}

/** Use of a model, and the time until the next load attempt. */
export function toUsageStatus({ use, retryMs }: Pick<ModelState, "use" | "retryMs">) {
  return {
    ...(retryMs === undefined ? {} : { retry_seconds: Math.ceil(retryMs / 1000) }),
    ...(use === undefined ? {} : {
      requests: use.requests,
      pinned: use.isPinned,
      expires_at: use.expiresInMs === null ? null : keepAliveEnd(use.expiresInMs),
      memory_bytes: use.bytes,
    }),
  };
}

function toLoadedStatus(
  info: ModelInfo,
  status: EngineStatus | null,
): NonNullable<ModelStatus["loaded"]> {
  return {
    description: info.description,
    capabilities: capabilitiesOf(info, info),
    context_length: info.contextLength,
    parallel: info.parallel,
    context: contextOf(info, status),
    devices: info.devices.map(({ name }) => name),
    stream_interval: info.streamInterval,
    offloaded_layers: info.offloadedLayers,
    layers: info.layers,
    placement: placementJson(info.placement),
    embedding: toEmbeddingStatus(status?.embedding ?? null),
    load_ms: info.loadMs,
    notes: [...info.notes],
    statistics: status === null ? null : statisticsOf(status),
  };
}

/** The generation context in the spelling of the API. */
export function contextOf({ shape }: ModelInfo, status: EngineStatus | null) {
  const now = status?.context ?? null;
  if (shape === null) return null;
  return {
    ...shapeJson(now ?? shape),
    replacements: now?.replacements ?? null,
    waiting: now?.waiting ?? null,
  };
}

/** The embedding context in the spelling of the API. */
export function toEmbeddingStatus(
  embedding: EmbeddingStatus | null,
): z.output<typeof embeddingSchema> | null {
  if (embedding === null) return null;
  const { queued, inputs, tokens, batches } = embedding;
  return { ...embeddingJson(embedding)!, queued, inputs, tokens, batches };
}

/** The optional body of a load. */
async function loadBody(exchange: Exchange): Promise<z.output<typeof loadSchema>> {
  return parseStrict(loadSchema, await readOptionalJson(exchange) ?? {});
}

/** The model that the path names. */
async function modelOfPath({ context, params }: Exchange): Promise<[ModelPool, ModelEntry]> {
  return [context.pool, await context.pool.resolve(params.name)];
}

/** `GET /api/models` */
export const listModels: RouteCode = {
  answer: modelListSchema,
  async handle({ context }) {
    return Response.json(await describeAll(context, await context.pool.list()));
  },
};

/** `POST /api/models/discover` */
export const discoverModels: RouteCode = {
  answer: modelListSchema,
  async handle({ context }) {
    return Response.json(await describeAll(context, await context.pool.rescan()));
  },
};

/** `POST /api/models/:name/load` */
export const loadModel: RouteCode = {
  body: loadSchema,
  answer: modelStatusSchema,
  async handle(exchange) {
    const [pool, entry] = await modelOfPath(exchange);
    const { keep_alive } = await loadBody(exchange);
    await engineForEntry(exchange, entry, keepAliveOf(keep_alive));
    return Response.json(await statusOf(pool, entry));
  },
};

/** `POST /api/models/:name/unload` */
export const unloadModel: RouteCode = {
  answer: unloadSchema,
  async handle(exchange) {
    const [pool, entry] = await modelOfPath(exchange);
    const unloaded = await pool.unload(entry);
    return Response.json({ name: entry.name, unloaded, state: pool.state(entry).state });
  },
};

/** `GET /api/models/:name/plan` */
export const planModel: RouteCode = {
  answer: planSchema,
  async handle(exchange) {
    const [pool, entry] = await modelOfPath(exchange);
    const plan = planJson(await pool.plan(entry, exchange.signal));
    return Response.json({ name: entry.name, ...plan } satisfies z.output<typeof planSchema>);
  },
};

/** `GET /api/models/:name/status` */
export const modelStatus: RouteCode = {
  answer: modelStatusSchema,
  async handle(exchange) {
    return Response.json(await statusOf(...await modelOfPath(exchange)));
  },
};
