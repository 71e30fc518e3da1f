import { STATUS_CODE } from "@std/http/status";
import * as z from "zod";
import { ShimmyError } from "../../../errors.ts";
import type { ModelEntry } from "../../../models/entry/mod.ts";
import { type Exchange, HttpError, type RouteCode, type ServerContext } from "../../http/mod.ts";
import { diagnoseModel, uptimeSeconds } from "./live/mod.ts";

/** `Retry-After` while a model loads, in seconds. */
const LOADING_RETRY = 2;

/** The answer of a check. A probe asks each few seconds, so the log does not repeat it. */
function notReady(message: string, retryAfter?: number): HttpError {
  return new HttpError(STATUS_CODE.ServiceUnavailable, message, {
    isReported: false,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

/** A model that is loaded, or that the next request would load. */
async function readyModel({ pool, isStarting }: ServerContext): Promise<ModelEntry> {
  const entries = await pool.list();
  const loaded = entries.filter((entry) => pool.state(entry).state === "loaded");
  const responding = loaded.find((entry) => pool.state(entry).engine?.isResponding !== false);
  if (responding !== undefined) return responding;
  if (loaded[0] !== undefined) {
    throw notReady(`Model '${loaded[0].name}' does not respond`, LOADING_RETRY);
  }
  const entry = await pool.resolve(undefined).catch((thrown) => {
    if (thrown instanceof ShimmyError && thrown.kind === "not_found") {
      throw notReady("No model is available");
    }
    throw thrown;
  });
  const { state, progress, error } = pool.state(entry);
  if (state === "loading") {
    const percent = Math.floor(progress * 100);
    throw notReady(`Model '${entry.name}' is loading (${percent} %)`, LOADING_RETRY);
  }
  if (state === "unloaded" && isStarting?.()) {
    throw notReady(`Model '${entry.name}' is not loaded yet`, LOADING_RETRY);
  }
  if (state === "failed") {
    throw notReady(`Model '${entry.name}' cannot be loaded: ${error ?? "unknown reason"}`);
  }
  return entry;
}

/** The state of the server, without paths and keys. */
async function diagnose({ context: { pool, settings } }: Exchange): Promise<Response> {
  const models = await Promise.all(
    (await pool.list()).map(async (entry) => (await diagnoseModel(pool, entry)).figures),
  );
  return Response.json({
    shimmy: settings.version,
    libllama: settings.library ?? null,
    deno: Deno.version.deno,
    platform: `${Deno.build.os}-${Deno.build.arch}`,
    uptime_seconds: uptimeSeconds(),
    models,
  });
}

/** `GET /health` */
export const healthAnswer = z.object({ status: z.literal("ok") });

/** `GET /ready` */
export const checkReady: RouteCode = {
  answer: z.object({ status: z.literal("ready"), model: z.string() }),
  async handle({ context }) {
    const { name } = await readyModel(context);
    return Response.json({ status: "ready", model: name });
  },
};

/** `GET /metrics` */
export const renderMetrics: RouteCode = {
  async handle({ context }) {
    const { text, contentType } = await context.metrics!.render(context.pool);
    return new Response(text, { headers: { "content-type": contentType } });
  },
};

/** `GET /diag` */
export const diagnoseServer: RouteCode = {
  answer: z.object({
    shimmy: z.string(),
    libllama: z.string().nullable(),
    deno: z.string(),
    platform: z.string(),
    uptime_seconds: z.int(),
    models: z.array(z.looseObject({ name: z.string(), state: z.string() })),
  }),
  handle: diagnose,
};
