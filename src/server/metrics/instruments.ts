import type { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EngineStatus } from "../../engine/protocol/mod.ts";
import { ServerGauges } from "./endpoint_picker.ts";

/** Seconds: from a token of a small model on a GPU to a long prompt on an old CPU. */
const FIRST_TOKEN_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const INTER_TOKEN_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 5];

/** All metrics of `/metrics`, in a registry of their own. */
export interface Instruments {
  readonly registry: Registry;
  readonly requests: Counter<"method" | "route" | "status">;
  readonly answers: Counter<"finish_reason">;
  readonly ignoredFields: Counter<"dialect" | "field">;
  readonly keyRequests: Counter<"key" | "status">;
  readonly keyTokens: Counter<"key" | "kind">;
  readonly promptTokens: Counter;
  readonly cachedTokens: Counter;
  readonly completionTokens: Counter;
  readonly firstTokenSeconds: Histogram;
  readonly interTokenSeconds: Histogram;
  readonly queueSeconds: Histogram;
  readonly modelLoaded: Gauge<"model">;
  readonly server: ServerGauges;
  /** Sets the gauges and counters of one model; loading the model resets its counters. */
  setModel(model: string, status: EngineStatus): void;
  /** Resets the gauges and counters of all models, so that unloaded models disappear. */
  resetModels(): void;
}

type Prometheus = typeof import("prom-client");

/**
 * The modules of prom-client that are used. The whole package would also load OpenTelemetry and many
 * modules of Node, which takes 10 MB.
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

/** Loads prom-client and creates the metrics. */
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
  const prefilling = gauge("sequences_prefilling", "Sequences in prefill");
  const queued = gauge("sequences_queued", "Sequences that wait for a slot");
  const queueLimit = gauge("queue_limit", "Maximum number of waiting sequences");
  const cellsUsed = gauge("kv_cells_used", "KV cells in use");
  const cellsTotal = gauge("kv_cells_total", "KV cells in total");
  const promptTokens = counter(
    "model_prompt_tokens_total",
    "Prompt tokens since the model was loaded, by source: computed or cached",
    ["model", "source"],
  );
  const completionTokens = counter(
    "model_completion_tokens_total",
    "Tokens generated since the model was loaded",
    ["model"],
  );
  const drafted = counter(
    "drafted_tokens_total",
    "Drafted tokens, by source: lookup in the text of the sequence, or a draft model",
    ["model", "by"],
  );
  const accepted = counter(
    "accepted_draft_tokens_total",
    "Drafted tokens that were accepted",
    ["model", "by"],
  );
  const evictions = counter(
    "cache_evictions_total",
    "Cached prefixes that were evicted",
    ["model"],
  );
  const preemptions = counter(
    "preemptions_total",
    "Sequences that were preempted because KV cells were exhausted",
    ["model"],
  );
  const diskBytes = gauge("disk_cache_bytes", "Bytes of the prefix cache on disk, of all models");
  const diskFiles = gauge("disk_cache_files", "Files of the prefix cache on disk, of all models");
  const diskLookups = counter(
    "disk_cache_lookups_total",
    "Requests that memory could not serve, by result on disk: hit or miss",
    ["model", "result"],
  );
  const diskWrites = counter("disk_cache_writes_total", "States written to disk", ["model"]);
  const diskFailures = counter(
    "disk_cache_failures_total",
    "Reads and writes of the prefix cache on disk that failed",
    ["model"],
  );
  const sharedReachable = gauge(
    "shared_cache_reachable",
    "1 if the prefixes that servers share can be reached, 0 from a failure on",
  );
  const sharedLookups = counter(
    "shared_cache_lookups_total",
    "Requests that asked for a shared prefix, by result: hit, miss or late",
    ["model", "result"],
  );
  const sharedStates = counter(
    "shared_cache_writes_total",
    "States for other servers, by result: written or dropped",
    ["model", "result"],
  );
  const sharedBytes = counter(
    "shared_cache_bytes_total",
    "Bytes of shared states, by direction: read or written",
    ["model", "direction"],
  );
  const sharedFailures = counter(
    "shared_cache_failures_total",
    "Reads and writes of shared states that failed, and states that were not accepted",
    ["model"],
  );
  const mediaFiles = counter(
    "media_total",
    "Images and sounds in prompts, by source: encoded, or reused from an earlier prompt",
    ["model", "source"],
  );
  const mediaSeconds = counter(
    "media_seconds_total",
    "Time of decoding and encoding images and sounds",
    ["model"],
  );
  const mediaBytes = gauge(
    "media_cache_bytes",
    "Bytes of the embeddings of images and sounds that are kept",
  );
  const mediaWaiting = gauge("media_prompts_waiting", "Prompts whose images and sounds are read");
  const modelMetrics = [
    mediaFiles,
    mediaSeconds,
    mediaBytes,
    mediaWaiting,
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
    diskBytes,
    diskFiles,
    diskLookups,
    diskWrites,
    diskFailures,
    sharedReachable,
    sharedLookups,
    sharedStates,
    sharedBytes,
    sharedFailures,
  ];

  return {
    registry,
    requests: counter("http_requests_total", "HTTP requests", ["method", "route", "status"]),
    answers: counter("answers_total", "Finished answers", ["finish_reason"]),
    ignoredFields: counter(
      "ignored_fields_total",
      "Request fields that were ignored",
      ["dialect", "field"],
    ),
    keyRequests: counter("key_requests_total", "Requests by key", ["key", "status"]),
    keyTokens: counter(
      "key_tokens_total",
      "Tokens by key and kind: prompt or completion",
      ["key", "kind"],
    ),
    promptTokens: counter("prompt_tokens_total", "Prompt tokens"),
    cachedTokens: counter("cached_prompt_tokens_total", "Prompt tokens that were cached"),
    completionTokens: counter("completion_tokens_total", "Generated tokens"),
    firstTokenSeconds: histogram(
      "first_token_seconds",
      "Time from the request to its first token",
      FIRST_TOKEN_BUCKETS,
    ),
    interTokenSeconds: histogram(
      "inter_token_seconds",
      "Time between two tokens of an answer",
      INTER_TOKEN_BUCKETS,
    ),
    queueSeconds: histogram("queue_seconds", "Time in the queue", FIRST_TOKEN_BUCKETS),
    modelLoaded,
    server: new ServerGauges((name, help, labelNames = []) =>
      new prometheus.Gauge({ name, help, labelNames, registers })
    ),
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
      const { diskCache, sharedCache, media } = status;
      if (media !== undefined) {
        mediaFiles.inc({ model, source: "encoded" }, media.encoded);
        mediaFiles.inc({ model, source: "reused" }, media.reused);
        mediaSeconds.inc({ model }, media.encodeMs / 1000);
        mediaBytes.set({ model }, media.bytes);
        mediaWaiting.set({ model }, media.waiting);
      }
      if (diskCache !== null) {
        diskBytes.set({ model }, diskCache.bytes);
        diskFiles.set({ model }, diskCache.files);
        diskLookups.inc({ model, result: "hit" }, diskCache.hits);
        diskLookups.inc({ model, result: "miss" }, diskCache.misses);
        diskWrites.inc({ model }, diskCache.writes);
        diskFailures.inc({ model }, diskCache.failures);
      }
      if (sharedCache !== null) {
        sharedReachable.set({ model }, sharedCache.isReachable ? 1 : 0);
        sharedLookups.inc({ model, result: "hit" }, sharedCache.hits);
        sharedLookups.inc({ model, result: "miss" }, sharedCache.misses);
        sharedLookups.inc({ model, result: "late" }, sharedCache.late);
        sharedStates.inc({ model, result: "written" }, sharedCache.writes);
        sharedStates.inc({ model, result: "dropped" }, sharedCache.dropped);
        sharedBytes.inc({ model, direction: "read" }, sharedCache.readBytes);
        sharedBytes.inc({ model, direction: "written" }, sharedCache.writtenBytes);
        sharedFailures.inc({ model }, sharedCache.failures);
      }
      if (status.speculation === null) return;
      drafted.inc({ model, by: status.speculation }, status.draftedTokens);
      accepted.inc({ model, by: status.speculation }, status.acceptedTokens);
    },
    resetModels() {
      for (const metric of modelMetrics) metric.reset();
    },
  };
}
