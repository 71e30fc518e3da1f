import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { CollectorDouble } from "../../../tests/doubles/collector.ts";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { main } from "../main.ts";
import { UsageError } from "../options/mod.ts";
import { openTelemetry, telemetrySettings } from "./telemetry.ts";

const settings = (env: Record<string, string>) => telemetrySettings((name) => env[name]);

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

Deno.test("without an endpoint there is no telemetry", () => {
  assertEquals(settings({}), null);
  assertEquals(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), null);
  assertEquals(settings({ ...ENDPOINT, OTEL_SDK_DISABLED: "true" }), null);
  const none = { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" };
  assertEquals(settings({ ...ENDPOINT, ...none }), null);
});

Deno.test("the endpoint gets the path of each signal, and a signal's own endpoint is complete", () => {
  const targets = (env: Record<string, string>) => {
    const { traces, metrics } = settings(env)!;
    return [traces, metrics];
  };
  const both = ["http://collector:4318/v1/traces", "http://collector:4318/v1/metrics"];
  assertEquals(targets(ENDPOINT), both);
  assertEquals(targets({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" }), both);
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example/otlp" };
  assertEquals(targets(own), ["https://traces.example/otlp", null]);
  assertEquals(targets({ ...ENDPOINT, ...own })[1], both[1]);
  assertEquals(targets({ ...ENDPOINT, OTEL_METRICS_EXPORTER: "none" }), [both[0], null]);
});

Deno.test("sampler and interval are those of the variables", () => {
  const { sampler, ratio, metricsIntervalMs } = settings(ENDPOINT)!;
  assertEquals([sampler, ratio, metricsIntervalMs], ["parentbased_always_on", 1, 60_000]);
  const own = settings({
    ...ENDPOINT,
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
    OTEL_METRIC_EXPORT_INTERVAL: "500",
  })!;
  assertEquals([own.sampler, own.ratio, own.metricsIntervalMs], ["traceidratio", 0.25, 500]);
});

Deno.test("a variable that cannot be used is a usage error with its name", () => {
  for (
    const [name, value, allowed] of [
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "must be an http:// or https:// URL"],
      ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be http/protobuf"],
      ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "must be http/protobuf"],
      ["OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "must be gzip or none"],
      ["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "soon", "must be a number of milliseconds above 0"],
      ["OTEL_TRACES_EXPORTER", "zipkin", "must be otlp or none"],
      ["OTEL_TRACES_SAMPLER", "some", "must be one of always_on, "],
      ["OTEL_TRACES_SAMPLER_ARG", "2", "must be from 0 to 1"],
      ["OTEL_METRIC_EXPORT_INTERVAL", "soon", "must be from 1 to "],
    ] as const
  ) {
    const env = { ...ENDPOINT, [name]: value };
    const { message } = assertThrows(() => settings(env), UsageError);
    assert(message.startsWith(`${name}: ${allowed}`), message);
    assert(message.endsWith(`, not '${value}'`), message);
  }
  const headers = { ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: "api-key=s3cret,a b=c" };
  assertEquals(
    assertThrows(() => settings(headers), UsageError).message,
    "OTEL_EXPORTER_OTLP_HEADERS: must be NAME=VALUE,NAME=VALUE",
  );
  assert(settings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: "api-key=s3cret%20x, other=" }));
  const secret = { OTEL_EXPORTER_OTLP_ENDPOINT: "user:s3cret@collector:4318" };
  const { message } = assertThrows(() => settings(secret), UsageError);
  assertEquals(message, "OTEL_EXPORTER_OTLP_ENDPOINT: must be an http:// or https:// URL");
});

Deno.test("serve sends what it has collected before it ends", async () => {
  await using collector = new CollectorDouble();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const environment = new EnvironmentDouble({ env });
  const done = main(["serve", "--port", "0", "--in-process"], environment);
  while (environment.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const response = await fetch(`http://${environment.out.trim()}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ prompt: "Hi" }),
  });
  await response.body?.cancel();
  environment.interrupt();
  await done;
  assertEquals(collector.named("POST /v1/completions").length, 1);
  assertEquals(collector.named("text_completion m").length, 1);
  assertEquals(collector.metrics.get("shimmy_answers_total")?.points.length, 1);
});

Deno.test("a file of the exporters that cannot be read is a usage error with its variable", async () => {
  const log = { info() {}, warn() {} };
  const open = (env: Record<string, string>) =>
    openTelemetry((name) => env[name], () => Promise.resolve([]), log);
  for (const setting of ["CERTIFICATE", "CLIENT_KEY", "TRACES_CLIENT_CERTIFICATE"]) {
    const name = `OTEL_EXPORTER_OTLP_${setting}`;
    const { message } = await assertRejects(
      () => open({ ...ENDPOINT, [name]: "/nowhere/cert.pem" }),
      UsageError,
    );
    assert(message.startsWith(`${name}: cannot read /nowhere/cert.pem: `), message);
    const own = fileURLToPath(import.meta.url);
    const other = await assertRejects(() => open({ ...ENDPOINT, [name]: own }), UsageError);
    assertEquals(other.message, `${name}: ${own} is not in PEM`);
  }
});
