import type { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EngineStatus } from "../../engine/protocol/mod.ts";

/** Seconds, from what a small model on a GPU needs for a token to a long prompt on an old CPU. */
const FIRST_TOKEN_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const INTER_TOKEN_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 5];

/** Everything `/metrics` shows, in a registry of its own. */
export interface Instruments {
  readonly registry: Registry;
  readonly requests: Counter<"method" | "route" | "status">;
  readonly answers: Counter<"finish_reason">;
  readonly promptTokens: Counter;
  readonly cachedTokens: Counter;
  readonly completionTokens: Counter;
  readonly firstTokenSeconds: Histogram;
  readonly interTokenSeconds: Histogram;
  readonly queueSeconds: Histogram;
  readonly modelLoaded: Gauge<"model">;
  /** Sets the gauges and the counters of one model, which begin anew when it is loaded. */
  setModel(model: string, status: EngineStatus): void;
  /** Forgets those of all models, of which some may be gone. */
  resetModels(): void;
}

type Prometheus = typeof import("prom-client");

/**
 * The parts of prom-client that are used. All of it would load half of Node's modules and OpenTelemetry
 * for figures that nobody asks for, at 10 MB.
 */
async function loadPrometheus(): Promise<
  Pick<Prometheus, "Registry" | "Counter" | "Gauge" | "Histogram">
> {
  const [Registry, Counter, Gauge, Histogram] = await Promise.all([
    import("prom-client/lib/registry.js"),
    import("prom-client/lib/counter.js"),
    import("prom-client/lib/gauge.js"),
    import("prom-client/lib/histogram.js"),
  ]);
  return {
    Registry: Registry.default,
    Counter: Counter.default,
    Gauge: Gauge.default,
    Histogram: Histogram.default,
  };
}

/** Loads prom-client and makes the instruments. */
export async function createInstruments(): Promise<Instruments> {
  const prometheus = await loadPrometheus();
  const registry = new prometheus.Registry();
  const registers = [registry];
  const counter = <T extends string>(name: string, help: string, labelNames: T[] = []) =>
    new prometheus.Counter<T>({ name: `shimmy_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) =>
    new prometheus.Gauge({ name: `shimmy_${name}`, help, labelNames: ["model"], registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new prometheus.Histogram({ name: `shimmy_${name}`, help, buckets, registers });

  const modelLoaded = gauge("model_loaded", "1 while the model is loaded");
  const running = gauge("sequences_running", "Sequences in the batch");
  const prefilling = gauge("sequences_prefilling", "Sequences whose prompt is being computed");
  const queued = gauge("sequences_queued", "Sequences that wait");
  const queueLimit = gauge("queue_limit", "Sequences that may wait");
  const cellsUsed = gauge("kv_cells_used", "KV cells in use");
  const cellsTotal = gauge("kv_cells_total", "KV cells in all");
  const promptTokens = counter(
    "model_prompt_tokens_total",
    "Tokens of prompts that were computed, and that were found in the KV cache",
    ["model", "source"],
  );
  const completionTokens = counter(
    "model_completion_tokens_total",
    "Tokens that a model has generated since it was loaded",
    ["model"],
  );
  const drafted = counter(
    "drafted_tokens_total",
    "Tokens that were drafted, by lookup in a sequence's own text or by a draft model",
    ["model", "by"],
  );
  const accepted = counter(
    "accepted_draft_tokens_total",
    "Drafted tokens that came next",
    ["model", "by"],
  );
  const evictions = counter(
    "cache_evictions_total",
    "Cached prefixes that gave way to others",
    ["model"],
  );
  const preemptions = counter(
    "preemptions_total",
    "Sequences that had to stop for want of KV cells, and went on later",
    ["model"],
  );
  const ofModels = [
    modelLoaded,
    running,
    prefilling,
    queued,
    queueLimit,
    cellsUsed,
    cellsTotal,
    promptTokens,
    completionTokens,
    drafted,
    accepted,
    evictions,
    preemptions,
  ];

  return {
    registry,
    requests: counter("http_requests_total", "HTTP requests", ["method", "route", "status"]),
    answers: counter("answers_total", "Answers that ended", ["finish_reason"]),
    promptTokens: counter("prompt_tokens_total", "Tokens of prompts"),
    cachedTokens: counter("cached_prompt_tokens_total", "Tokens of prompts found in the KV cache"),
    completionTokens: counter("completion_tokens_total", "Tokens generated"),
    firstTokenSeconds: histogram(
      "first_token_seconds",
      "From the request to its first token",
      FIRST_TOKEN_BUCKETS,
    ),
    interTokenSeconds: histogram(
      "inter_token_seconds",
      "Between two tokens of an answer",
      INTER_TOKEN_BUCKETS,
    ),
    queueSeconds: histogram("queue_seconds", "Waiting before the prompt", FIRST_TOKEN_BUCKETS),
    modelLoaded,
    setModel(model, status) {
      running.set({ model }, status.running);
      prefilling.set({ model }, status.prefilling);
      queued.set({ model }, status.queued);
      queueLimit.set({ model }, status.queueLimit);
      cellsUsed.set({ model }, status.cellsUsed);
      cellsTotal.set({ model }, status.cellsTotal);
      const computed = status.promptTokens - status.cachedTokens;
      promptTokens.inc({ model, source: "computed" }, computed);
      promptTokens.inc({ model, source: "cached" }, status.cachedTokens);
      completionTokens.inc({ model }, status.completionTokens);
      evictions.inc({ model }, status.evictions);
      preemptions.inc({ model }, status.preemptions);
      if (status.speculation === null) return;
      drafted.inc({ model, by: status.speculation }, status.draftedTokens);
      accepted.inc({ model, by: status.speculation }, status.acceptedTokens);
    },
    resetModels() {
      for (const one of ofModels) one.reset();
    },
  };
}
