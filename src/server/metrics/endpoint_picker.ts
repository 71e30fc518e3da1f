import type { Gauge } from "prom-client";
import type { EngineStatus } from "../../engine/protocol/mod.ts";

/** A loaded model and its status. */
export interface LoadedModel {
  readonly name: string;
  readonly status: EngineStatus;
}

/** Creates a gauge in the registry of `/metrics`. */
type CreateGauge = (name: string, help: string, labelNames?: string[]) => Gauge;

/**
 * Gauges of the whole server for autoscalers and gateways. Those of `vllm:` have the names, types and meanings
 * that the endpoint picker of the Gateway API Inference Extension reads by default (its model server protocol,
 * proposal 003; `gpu_cache_usage_perc` is the name before its version 1).
 */
export class ServerGauges {
  readonly #queueDepth: Gauge;
  readonly #waiting: Gauge;
  readonly #running: Gauge;
  readonly #cacheUsage: readonly Gauge[];
  readonly #loras: Gauge;

  constructor(gauge: CreateGauge) {
    this.#queueDepth = gauge("shimmy_queue_depth", "Sequences that wait for a slot, of all models");
    this.#waiting = gauge("vllm:num_requests_waiting", "The same as shimmy_queue_depth");
    this.#running = gauge("vllm:num_requests_running", "Sequences in the batch, of all models");
    this.#cacheUsage = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"].map((name) =>
      gauge(name, "KV cells of running sequences as a part of all KV cells, 0 to 1")
    );
    this.#loras = gauge(
      "vllm:lora_requests_info",
      "Unix time of this list of loaded LoRA adapters. There is no maximum: max_lora is one more",
      ["max_lora", "running_lora_adapters", "waiting_lora_adapters"],
    );
  }

  set(models: readonly LoadedModel[]): void {
    const sum = (of: (status: EngineStatus) => number) =>
      models.reduce((total, { status }) => total + of(status), 0);
    const queued = sum(({ queued }) => queued);
    this.#queueDepth.set(queued);
    this.#waiting.set(queued);
    this.#running.set(sum(({ running }) => running));
    const total = sum(({ cellsTotal }) => cellsTotal);
    const usage = total === 0 ? 0 : sum(runningCells) / total;
    for (const gauge of this.#cacheUsage) gauge.set(usage);
    const loras = models.flatMap(({ name, status }) =>
      status.loras.filter(({ kind }) => kind === "lora").map((adapter) => `${name}:${adapter.name}`)
    );
    this.#loras.reset();
    this.#loras.set({
      max_lora: String(loras.length + 1),
      running_lora_adapters: loras.join(","),
      waiting_lora_adapters: "",
    }, Math.floor(Date.now() / 1000));
  }
}

/** Cells of running sequences. Those of cached prefixes are free for others. */
function runningCells({ slots }: EngineStatus): number {
  return slots.reduce((cells, { running, tokens }) => cells + (running === null ? 0 : tokens), 0);
}
