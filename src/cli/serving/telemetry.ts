import { fileReason } from "../../errors.ts";
import { checkRegularFile } from "../../regular_file.ts";
import {
  type SamplerName,
  SAMPLERS,
  startTelemetry,
  type Telemetry,
  type TelemetrySettings,
  type TelemetrySources,
} from "../../server/mod.ts";
import { VERSION } from "../../version.ts";
import { UsageError } from "../options/mod.ts";
import type { Log } from "./log.ts";

type Variables = (name: string) => string | undefined;

/** Milliseconds between two exports of metrics, OpenTelemetry's default. */
const METRICS_INTERVAL_MS = 60_000;

/** Telemetry that ends with the server. */
export type RunningTelemetry = Telemetry & AsyncDisposable;

/**
 * Starts the export of traces and metrics if the variables of OpenTelemetry name a collector.
 *
 * @returns null where they name none.
 * @throws {UsageError} for a variable that cannot be used.
 */
export async function openTelemetry(
  env: Variables,
  metrics: TelemetrySources["metrics"],
  log: Pick<Log, "info" | "warn">,
): Promise<RunningTelemetry | null> {
  const settings = telemetrySettings(env);
  if (settings === null) return null;
  await checkFiles(env, settings);
  const telemetry = await startTelemetry(settings, {
    metrics,
    failed: log.warn,
    recovered: log.info,
  });
  return {
    startRequest: (request) => telemetry.startRequest(request),
    shutdown: () => telemetry.shutdown(),
    [Symbol.asyncDispose]: () => telemetry.shutdown(),
  };
}

/**
 * The settings that the environment makes. The SDK itself reads the variables of headers, timeouts,
 * compression, certificates and resources.
 *
 * @throws {UsageError} for a variable that cannot be used.
 */
export function telemetrySettings(env: Variables): TelemetrySettings | null {
  if (env("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return null;
  const traces = targetOf(env, "TRACES");
  const metrics = targetOf(env, "METRICS");
  if (traces === null && metrics === null) return null;
  return {
    version: VERSION,
    traces,
    metrics,
    metricsIntervalMs: numberOf(env, "OTEL_METRIC_EXPORT_INTERVAL", 1, 2 ** 31 - 1) ??
      METRICS_INTERVAL_MS,
    sampler: samplerOf(env),
    ratio: numberOf(env, "OTEL_TRACES_SAMPLER_ARG", 0, 1) ?? 1,
  };
}

type Signal = "TRACES" | "METRICS";

/** Where a signal is sent; null: it is not. */
function targetOf(env: Variables, signal: Signal): string | null {
  const exporter = given(env, `OTEL_${signal}_EXPORTER`);
  if (exporter !== undefined && exporter.value !== "otlp" && exporter.value !== "none") {
    throw new UsageError(`${exporter.name}: must be otlp or none, not '${exporter.value}'`);
  }
  const own = given(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`);
  const endpoint = own ?? given(env, "OTEL_EXPORTER_OTLP_ENDPOINT");
  if (endpoint === undefined || exporter?.value === "none") return null;
  checkTransport(env, signal);
  const { name, value } = endpoint;
  const path = `v1/${signal.toLowerCase()}`;
  const url = URL.parse(own === undefined ? `${value.replace(/\/$/, "")}/${path}` : value);
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href;
  // It may contain a password.
  const found = value.includes("@") ? "" : `, not '${value}'`;
  throw new UsageError(`${name}: must be an http:// or https:// URL${found}`);
}

/** @throws {UsageError} for another protocol than OTLP over HTTP with protobuf, and what the SDK would ignore. */
function checkTransport(env: Variables, signal: Signal): void {
  for (
    const [setting, allowed, isAllowed] of [
      ["PROTOCOL", "http/protobuf", (value: string) => value === "http/protobuf"],
      ["COMPRESSION", "gzip or none", (value: string) => value === "gzip" || value === "none"],
      ["TIMEOUT", "a number of milliseconds above 0", (value: string) => Number(value) > 0],
    ] as const
  ) {
    const variable = exporterVariable(env, signal, setting);
    if (variable === undefined || isAllowed(variable.value)) continue;
    throw new UsageError(`${variable.name}: must be ${allowed}, not '${variable.value}'`);
  }
  const headers = exporterVariable(env, signal, "HEADERS");
  if (
    headers === undefined ||
    headers.value.split(",").every((pair) => HEADER.test(pair) || pair.trim() === "")
  ) return;
  // They may contain keys.
  throw new UsageError(`${headers.name}: must be NAME=VALUE,NAME=VALUE`);
}

/** A pair of `OTEL_EXPORTER_OTLP_HEADERS`: a name of RFC 9110, section 5.6.2, and a value. */
const HEADER = /^\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*=/;

/** A variable of one signal's exporter, or of all exporters. */
function exporterVariable(env: Variables, signal: Signal, setting: string) {
  return given(env, `OTEL_EXPORTER_OTLP_${signal}_${setting}`) ??
    given(env, `OTEL_EXPORTER_OTLP_${setting}`);
}

/** @throws {UsageError} for a file of the exporters that cannot be read: the SDK would go on without it. */
async function checkFiles(
  env: Variables,
  { traces, metrics }: Pick<TelemetrySettings, "traces" | "metrics">,
): Promise<void> {
  const signals: Signal[] = [
    ...(traces === null ? [] : ["TRACES"] as const),
    ...(metrics === null ? [] : ["METRICS"] as const),
  ];
  for (const signal of signals) {
    for (const setting of ["CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"]) {
      const variable = exporterVariable(env, signal, setting);
      if (variable === undefined) continue;
      let text: string;
      try {
        await checkRegularFile(variable.value);
        text = await Deno.readTextFile(variable.value);
      } catch (error) {
        const reason = `cannot read ${variable.value}: ${fileReason(error)}`;
        throw new UsageError(`${variable.name}: ${reason}`);
      }
      if (text.includes("-----BEGIN ")) continue;
      throw new UsageError(`${variable.name}: ${variable.value} is not in PEM`);
    }
  }
}

function samplerOf(env: Variables): SamplerName {
  const sampler = given(env, "OTEL_TRACES_SAMPLER");
  if (sampler === undefined) return "parentbased_always_on";
  const known = SAMPLERS.find((name) => name === sampler.value);
  if (known !== undefined) return known;
  throw new UsageError(
    `${sampler.name}: must be one of ${SAMPLERS.join(", ")}, not '${sampler.value}'`,
  );
}

function numberOf(env: Variables, name: string, min: number, max: number): number | undefined {
  const variable = given(env, name);
  if (variable === undefined) return undefined;
  const number = Number(variable.value);
  if (number >= min && number <= max) return number;
  throw new UsageError(`${name}: must be from ${min} to ${max}, not '${variable.value}'`);
}

/** A variable that is set; an empty one counts as absent, as OpenTelemetry specifies. */
function given(env: Variables, name: string) {
  const value = env(name)?.trim();
  return value ? { name, value } : undefined;
}
