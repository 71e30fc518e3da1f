import { deadline } from "@std/async/deadline";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { messageOf } from "../../errors.ts";
import { AnswerHistograms } from "./answer_histograms.ts";
import { PrometheusMetrics } from "./prometheus_metrics.ts";
import { OpenRequestSpan } from "./request_span.ts";
import type {
  RequestSpan,
  RequestStart,
  Telemetry,
  TelemetrySettings,
  TelemetrySources,
} from "./telemetry.ts";

/** Milliseconds for which a shutdown waits for the collector. */
const SHUTDOWN_MS = 5_000;

/** Maximum milliseconds of one export of metrics, with its repetitions. */
const EXPORT_MS = 30_000;

/** Name of the instrumentation, and of the service unless `OTEL_SERVICE_NAME` sets another one. */
const NAME = "shimmy";

/** The providers of OpenTelemetry's SDK with exporters. None is registered globally. */
export class Exporters implements Telemetry {
  readonly #tracers: TracerProvider;
  readonly #meters: MeterProvider;
  readonly #tracer;
  readonly #histograms: AnswerHistograms;
  readonly #shutdownMs: number;
  readonly #failed: (message: string) => void;

  constructor(settings: TelemetrySettings, sources: TelemetrySources) {
    this.#shutdownMs = settings.shutdownMs ?? SHUTDOWN_MS;
    this.#failed = sources.failed;
    const scope = { name: NAME, version: settings.version };
    const resource = resourceOf(settings);
    const { traces, metrics } = settings;
    this.#tracers = new TracerProvider({
      resource,
      sampler: traces === null ? new AlwaysOffSampler() : samplerOf(settings),
      spanProcessors: traces === null
        ? []
        : [new BatchSpanProcessor({ exporter: traceExporter(traces, sources) })],
    });
    this.#meters = new MeterProvider({
      resource,
      readers: metrics === null ? [] : [
        new PeriodicExportingMetricReader({
          exporter: metricExporter(metrics, sources),
          exportIntervalMillis: settings.metricsIntervalMs,
          exportTimeoutMillis: Math.min(EXPORT_MS, settings.metricsIntervalMs),
          metricProducers: [new PrometheusMetrics(sources.metrics, scope)],
        }),
      ],
    });
    this.#tracer = this.#tracers.getTracer(scope.name, scope.version);
    this.#histograms = new AnswerHistograms(this.#meters.getMeter(scope.name, scope.version));
  }

  startRequest(request: RequestStart): RequestSpan {
    return new OpenRequestSpan(this.#tracer, this.#histograms, request);
  }

  async shutdown(): Promise<void> {
    const done = Promise.all([this.#tracers.shutdown(), this.#meters.shutdown()]);
    try {
      await deadline(done, this.#shutdownMs);
    } catch (error) {
      // Other failures were told already.
      if (!(error instanceof DOMException)) return;
      const seconds = this.#shutdownMs / 1000;
      this.#failed(`OpenTelemetry: the last data were not sent within ${seconds} s and are lost`);
    }
  }
}

/** `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` replace what is known here. */
function resourceOf({ version }: TelemetrySettings): Resource {
  const own = resourceFromAttributes({ "service.name": NAME, "service.version": version });
  const detectors = [
    serviceInstanceIdDetector,
    resourceAttributesEnvDetector,
    serviceNameEnvDetector,
  ];
  return defaultResource().merge(own).merge(detectResources({ detectors }));
}

function samplerOf({ sampler, ratio }: TelemetrySettings): Sampler {
  const [, parent, name] = /^(parentbased_)?(.*)$/.exec(sampler)!;
  const root = name === "always_off"
    ? new AlwaysOffSampler()
    : name === "traceidratio"
    ? new TraceIdRatioBasedSampler(ratio)
    : new AlwaysOnSampler();
  return parent === undefined ? root : new ParentBasedSampler({ root });
}

function traceExporter(url: string, sources: TelemetrySources): OTLPTraceExporter {
  const watched = watcher("traces", url, sources);
  return new class extends OTLPTraceExporter {
    override export(...[spans, done]: Parameters<OTLPTraceExporter["export"]>): void {
      super.export(spans, watched(done));
    }
  }({ url });
}

function metricExporter(url: string, sources: TelemetrySources): OTLPMetricExporter {
  const watched = watcher("metrics", url, sources);
  return new class extends OTLPMetricExporter {
    override export(...[metrics, done]: Parameters<OTLPMetricExporter["export"]>): void {
      super.export(metrics, watched(done));
    }
  }({ url });
}

/** Tells the first of the exports that fail, and the first that succeeds again. */
function watcher(
  what: string,
  url: string,
  { failed, recovered }: Pick<TelemetrySources, "failed" | "recovered">,
): (done: (result: ExportResult) => void) => (result: ExportResult) => void {
  // Credentials in the URL are not for the log.
  const { origin, pathname } = new URL(url);
  const target = `OpenTelemetry: ${what} to ${origin}${pathname}`;
  let isFailing = false;
  return (done) => (result) => {
    const hasFailed = result.code !== ExportResultCode.SUCCESS;
    if (hasFailed && !isFailing) {
      failed(`${target} cannot be sent: ${messageOf(result.error ?? "no reason given")}`);
    } else if (!hasFailed && isFailing) recovered(`${target} are sent again`);
    isFailing = hasFailed;
    done(result);
  };
}
