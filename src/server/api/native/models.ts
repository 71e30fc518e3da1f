import * as z from "zod";
import type { LoadPlan } from "../../../engine/plan.ts";
import type { ModelInfo, Placement } from "../../../engine/protocol.ts";
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

/** What of a model lies on a device, in bytes. */
const placementSchema = z.object({
  device: z.string(),
  layers: z.int().describe("The output counts as one"),
  weight_bytes: z.int(),
  kv_bytes: z.int().nullable(),
  compute_bytes: z.int().nullable(),
});

const planSchema = z.object({
  name: z.string(),
  fits: z.boolean(),
  layers: z.int().describe("The output counts as one"),
  offloaded_layers: z.int(),
  context_length: z.int().describe("Tokens one sequence would hold"),
  parallel: z.int(),
  devices: z.array(placementSchema.extend({ memory_free: z.int(), memory_total: z.int() })),
  expert_bytes: z.int().describe("Of all experts"),
  saved_bytes: z.int().describe("Kept off the devices by --cpu-moe and its like"),
  notes: z.array(z.string()),
});

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
    placement: z.array(placementSchema),
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
    placement: placementAs(info.placement),
    load_ms: info.loadMs,
    notes: [...info.notes],
  };
}

/** A placement in the wire's spelling. */
export function placementAs(
  placement: readonly Placement[],
): z.output<typeof placementSchema>[] {
  return placement.map((part) => ({
    device: part.device,
    layers: part.layers,
    weight_bytes: part.weightBytes,
    kv_bytes: part.kvBytes,
    compute_bytes: part.computeBytes,
  }));
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
      ...placementAs([device])[0]!,
      memory_free: device.memoryFree,
      memory_total: device.memoryTotal,
    })),
    expert_bytes: plan.expertBytes,
    saved_bytes: plan.savedBytes,
    notes: [...plan.notes],
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
      return Response.json(statusOf(...await named(exchange)));
    },
  },
];
