import type { Engine } from "../../../../engine/mod.ts";
import type { EngineStatus, SlotStatus } from "../../../../engine/protocol/mod.ts";
import { devicesJson, type ModelEntry, placementJson } from "../../../../models/entry/mod.ts";
import type { ModelPool, ModelState } from "../../../../models/registry/mod.ts";
import { adapterJson } from "../../../answers/mod.ts";
import { engineStatus, queueOf } from "../../../metrics/mod.ts";
import { contextOf, toEmbeddingStatus, toUsageStatus } from "../models.ts";
import { statisticsOf } from "../statistics.ts";

/** The state of a model for operators, without paths and keys. */
export interface Diagnosis {
  /** In the spelling of the API. */
  readonly figures: DiagnosedModel;
  /** Null for a model that is not loaded or does not answer in time. */
  readonly status: EngineStatus | null;
}

type DiagnosedModel =
  & Pick<ModelState, "state" | "progress" | "error">
  & {
    readonly name: string;
  }
  & ReturnType<typeof toUsageStatus>
  & Partial<ReturnType<typeof ofEngine>>;

/** Diagnoses a model; asks its engine if it is loaded. */
export async function diagnoseModel(pool: ModelPool, entry: ModelEntry): Promise<Diagnosis> {
  const { state, progress, error, engine, ...more } = pool.state(entry);
  const about = { name: entry.name, state, progress, error, ...toUsageStatus(more) };
  if (engine === null) return { figures: about, status: null };
  const status = await engineStatus(engine);
  return { figures: { ...about, ...ofEngine(engine, status) }, status };
}

/** Whole seconds since the server started. */
export function uptimeSeconds(): number {
  return Math.round(performance.now() / 1000);
}

function ofEngine(engine: Engine, status: EngineStatus | null) {
  const { info } = engine;
  return {
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
    devices: devicesJson(info.devices),
    queue: queueStatus(engine),
    ...(status === null ? {} : {
      sequences: {
        running: status.running,
        prefilling: status.prefilling,
        queued: status.queued,
        queue_limit: status.queueLimit,
      },
      kv_cells: { used: status.cellsUsed, total: status.cellsTotal },
      slots: status.slots.map(slotJson),
      adapters: status.loras.map(adapterJson),
      embedding: toEmbeddingStatus(status.embedding),
      statistics: statisticsOf(status),
    }),
  };
}

function slotJson({ id, tokens, running }: SlotStatus) {
  return {
    id,
    tokens,
    running: running === null ? null : {
      prompt_tokens: running.promptTokens,
      cached_tokens: running.cachedTokens,
      completion_tokens: running.completionTokens,
    },
  };
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
