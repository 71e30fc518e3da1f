import type { AnswerEvent, AnswerRequest } from "../../chat/mod.ts";
import type { PrometheusMetric } from "./prometheus_metrics.ts";

/** Spans of the requests of a server, and its metrics, for an OpenTelemetry collector. */
export interface Telemetry {
  /** Starts the span of a request. A valid `traceparent` of its headers becomes the parent. */
  startRequest(request: RequestStart): RequestSpan;
  /** Sends what is not sent yet. Resolves after a few seconds also where no collector answers. */
  shutdown(): Promise<void>;
}

export interface RequestStart {
  readonly method: string;
  /** Path of the route, such as `/api/models/:name/load`. */
  readonly route: string;
  readonly requestId: string;
  readonly headers: Pick<Headers, "get">;
}

/** The span of a request. */
export interface RequestSpan {
  /** Starts the span of an answer. It may end after that of the request. */
  startAnswer(answer: AnswerStart): AnswerSpan;
  end(status: number): void;
}

export interface AnswerStart {
  readonly model: string;
  /** Absent for a fork of another answer. */
  readonly request?: AnswerRequest;
}

/** The span of an answer, with those of its queue, prefill, decode and tool calls. */
export interface AnswerSpan {
  event(event: AnswerEvent): void;
  /** @param error the reason if the answer failed. */
  end(error?: unknown): void;
}

/** Which part of the traces that begin here is recorded. The names are those of `OTEL_TRACES_SAMPLER`. */
export const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

export interface TelemetrySettings {
  /** Version of Shimmy. */
  readonly version: string;
  /** URL that traces are sent to; null: they are not. */
  readonly traces: string | null;
  /** URL that metrics are sent to; null: they are not. */
  readonly metrics: string | null;
  /** Milliseconds between two exports of metrics. */
  readonly metricsIntervalMs: number;
  readonly sampler: SamplerName;
  /** Part of the traces, 0 to 1, that the samplers with a ratio record. */
  readonly ratio: number;
  /** Milliseconds for which a shutdown waits for the collectors. Default 5,000. */
  readonly shutdownMs?: number;
}

export interface TelemetrySources {
  /** The metrics of `/metrics`. */
  readonly metrics: () => Promise<readonly PrometheusMetric[]>;
  /** Tells that exports fail, once until they succeed again. */
  readonly failed: (message: string) => void;
  readonly recovered: (message: string) => void;
}

/**
 * Starts the export over OTLP/HTTP with protobuf. The SDK is loaded here and nowhere else, so a server
 * without telemetry does not load it.
 */
export async function startTelemetry(
  settings: TelemetrySettings,
  sources: TelemetrySources,
): Promise<Telemetry> {
  const { Exporters } = await import("./exporters.ts");
  return new Exporters(settings, sources);
}
