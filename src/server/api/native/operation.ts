import { STATUS_CODE } from "@std/http/status";
import * as z from "zod";
import type { Engine } from "../../../engine/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { type ModelEntry, placementJson } from "../../../models/entry/mod.ts";
import type { ModelPool } from "../../../models/registry/mod.ts";
import { adapterJson } from "../../answers/mod.ts";
import { engineStatus, queueOf } from "../../metrics/mod.ts";
import { type Exchange, HttpError, type Route } from "../../http/mod.ts";
import { nativeDialect } from "./dialect.ts";
import { contextOf, toEmbeddingStatus, toUsageStatus } from "./models.ts";

/** `Retry-After` while a model loads, in seconds. */
const LOADING_RETRY = 2;

/** A model that is loaded, or that the next request would load. */
async function readyModel(pool: ModelPool): Promise<ModelEntry> {
  const entries = await pool.list();
  const loaded = entries.filter((entry) => pool.state(entry).state === "loaded");
  const responding = loaded.find((entry) => pool.state(entry).engine?.isResponding !== false);
  if (responding !== undefined) return responding;
  if (loaded[0] !== undefined) {
    const message = `Model '${loaded[0].name}' does not respond`;
    throw new HttpError(STATUS_CODE.ServiceUnavailable, message, { retryAfter: LOADING_RETRY });
  }
  const entry = await pool.resolve(undefined).catch((thrown) => {
    if (thrown instanceof ShimmyError && thrown.kind === "not_found") {
      throw new HttpError(STATUS_CODE.ServiceUnavailable, "No model is available");
    }
    throw thrown;
  });
  const { state, progress, error } = pool.state(entry);
  if (state === "loading") {
    const percent = Math.floor(progress * 100);
    throw new HttpError(
      STATUS_CODE.ServiceUnavailable,
      `Model '${entry.name}' is loading (${percent} %)`,
      {
        retryAfter: LOADING_RETRY,
      },
    );
  }
  if (state === "failed") {
    throw new HttpError(
      STATUS_CODE.ServiceUnavailable,
      `Model '${entry.name}' cannot be loaded: ${error ?? "unknown reason"}`,
    );
  }
  return entry;
}

/** The queue of a model with estimated waiting times. */
function queueStatus(engine: Engine) {
  const { running, waiting, estimateMs } = queueOf(engine).status();
  return {
    running,
    waiting: waiting.length,
    estimate_ms: estimateMs,
    requests: waiting.map((one) => ({
      request_id: one.requestId,
      position: one.position,
      estimate_ms: one.estimateMs,
      waited_ms: one.waitedMs,
    })),
  };
}

/** The state of the server, without paths and keys. */
async function diagnose({ context: { pool, settings } }: Exchange): Promise<Response> {
  const models = await Promise.all((await pool.list()).map(async (entry) => {
    const { state, progress, error, engine, ...more } = pool.state(entry);
    const about = { name: entry.name, state, progress, error, ...toUsageStatus(more) };
    if (engine === null) return about;
    const { info } = engine;
    const status = await engineStatus(engine);
    return {
      ...about,
      description: info.description,
      context_length: info.contextLength,
      parallel: info.parallel,
      context: contextOf(info, status),
      batch_size: info.batchSize,
      threads: info.threads,
      layers: info.layers,
      offloaded_layers: info.offloadedLayers,
      placement: placementJson(info.placement),
      notes: info.notes,
      devices: info.devices.map((device) => ({
        name: device.name,
        description: device.description,
        kind: device.kind,
        backend: device.backend,
        memory_free: device.memoryFree,
        memory_total: device.memoryTotal,
      })),
      queue: queueStatus(engine),
      ...(status === null ? {} : {
        sequences: {
          running: status.running,
          prefilling: status.prefilling,
          queued: status.queued,
          queue_limit: status.queueLimit,
        },
        kv_cells: { used: status.cellsUsed, total: status.cellsTotal },
        adapters: status.loras.map(adapterJson),
        embedding: toEmbeddingStatus(status.embedding),
      }),
    };
  }));
  return Response.json({
    shimmy: settings.version,
    libllama: settings.library ?? null,
    deno: Deno.version.deno,
    platform: `${Deno.build.os}-${Deno.build.arch}`,
    uptime_seconds: Math.round(performance.now() / 1000),
    models,
  });
}

/** Routes for operators and monitoring. */
export const operationRoutes: readonly Route[] = [
  // Clients of llama-server and of vLLM whose base URL ends in `/v1` ask there.
  ...["/health", "/v1/health"].map((path): Route => ({
    method: "GET",
    path,
    scope: "any",
    dialect: nativeDialect,
    summary: "Liveness check",
    open: true,
    answer: z.object({ status: z.literal("ok") }),
    handle: () => Response.json({ status: "ok" }),
  })),
  {
    method: "GET",
    path: "/ready",
    scope: "any",
    dialect: nativeDialect,
    summary: "Readiness check: a model is available",
    answer: z.object({ status: z.literal("ready"), model: z.string() }),
    async handle({ context }) {
      const { name } = await readyModel(context.pool);
      return Response.json({ status: "ready", model: name });
    },
  },
  {
    method: "GET",
    path: "/metrics",
    scope: "metrics",
    dialect: nativeDialect,
    summary: "Metrics in Prometheus text format",
    text: true,
    async handle({ context }) {
      const { text, contentType } = await context.metrics!.render(context.pool);
      return new Response(text, { headers: { "content-type": contentType } });
    },
  },
  {
    method: "GET",
    path: "/diag",
    scope: "metrics",
    dialect: nativeDialect,
    summary: "Loaded models, devices and queues",
    answer: z.object({
      shimmy: z.string(),
      libllama: z.string().nullable(),
      deno: z.string(),
      platform: z.string(),
      uptime_seconds: z.int(),
      models: z.array(z.looseObject({ name: z.string(), state: z.string() })),
    }),
    handle: diagnose,
  },
];
