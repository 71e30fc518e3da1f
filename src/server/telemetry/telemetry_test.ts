import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { CollectorDouble } from "../../../tests/doubles/collector.ts";
import { post, serverDouble, until } from "../../../tests/doubles/context.ts";
import type { EngineDoubleOptions } from "../../../tests/doubles/engine.ts";
import { ShimmyError } from "../../errors.ts";
import { Metrics } from "../metrics/mod.ts";
import { startTelemetry, type TelemetrySettings } from "./telemetry.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

/** A server whose telemetry goes to a collector double. */
async function observed(
  engine: EngineDoubleOptions = {},
  given: Partial<TelemetrySettings> = {},
) {
  const stack = new AsyncDisposableStack();
  const collector = stack.use(new CollectorDouble());
  const messages: string[] = [];
  const metrics = new Metrics();
  const settings: TelemetrySettings = {
    version: "1.2.3",
    traces: `${collector.url}/v1/traces`,
    metrics: `${collector.url}/v1/metrics`,
    metricsIntervalMs: 60_000,
    sampler: "parentbased_always_on",
    ratio: 1,
    ...given,
  };
  const telemetry = await startTelemetry(settings, {
    metrics: () => metrics.values(server.pool),
    failed: (message) => void messages.push(message),
    recovered: (message) => void messages.push(message),
  });
  stack.defer(() => telemetry.shutdown());
  const server = serverDouble(engine, {}, { telemetry, metrics });
  return {
    collector,
    messages,
    telemetry,
    async send(body: unknown, headers: HeadersInit = {}, path = "/api/generate") {
      const response = await server.handler(post(path, body, headers));
      return { status: response.status, text: await response.text() };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

Deno.test("a request has spans for its answer, queue, prefill and decode, below the client's span", async () => {
  await using server = await observed({ script: { tokens: ["a", "b", "c"] } });
  const headers = {
    "traceparent": `00-${TRACE}-${PARENT}-01`,
    "tracestate": "vendor=1",
    "x-request-id": "r-1",
  };
  const body = { prompt: "A secret", raw: true, max_tokens: 7, temperature: 0.5, top_k: 4 };
  assertEquals((await server.send(body, headers)).status, 200);
  await server.telemetry.shutdown();

  const { collector } = server;
  const [request] = collector.named("POST /api/generate");
  assertEquals(
    [request!.traceId, request!.parentSpanId, request!.traceState, request!.kind],
    [TRACE, PARENT, "vendor=1", 2],
  );
  assertEquals(request!.attributes, {
    "http.request.method": "POST",
    "http.route": "/api/generate",
    "http.response.status_code": 200,
    "shimmy.request.id": "r-1",
  });
  const [answer] = collector.named("text_completion tiny");
  assertEquals([answer!.parentSpanId, answer!.kind], [request!.spanId, 1]);
  assertEquals(answer!.attributes, {
    "gen_ai.operation.name": "text_completion",
    "gen_ai.provider.name": "shimmy",
    "gen_ai.request.model": "tiny",
    "gen_ai.response.model": "tiny",
    "gen_ai.request.max_tokens": 7,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.top_k": 4,
    "gen_ai.output.type": "text",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 8,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.usage.cache_read.input_tokens": 0,
  });
  for (const name of ["queue", "prefill", "decode"]) {
    const spans = collector.named(name);
    assertEquals(spans.map(({ parentSpanId }) => parentSpanId), [answer!.spanId], name);
    assert(spans[0]!.start >= answer!.start && spans[0]!.end <= answer!.end, name);
  }
  assertEquals(collector.spans.length, 5);
  assertEquals(new Set(collector.spans.map(({ traceId }) => traceId)), new Set([TRACE]));
  const sent = collector.exports.map(({ body }) => new TextDecoder().decode(body)).join("");
  assertEquals(sent.includes("secret"), false);
});

Deno.test("a stream's request ends with the stream, and a trace without a client's begins there", async () => {
  await using server = await observed({ script: { tokens: ["a", "b"] } });
  await server.send({ messages: [{ role: "user", content: "Hi" }], stream: true });
  await server.telemetry.shutdown();
  const [request] = server.collector.named("POST /api/generate");
  const [answer] = server.collector.named("chat tiny");
  assert(answer!.end <= request!.end);
  // No header: the trace begins here.
  assertEquals(request!.parentSpanId, "");
  assertMatch(request!.traceId, /^[0-9a-f]{32}$/);
});

Deno.test("a trace that its client does not record is not sent, and a wrong header begins a new one", async () => {
  await using server = await observed();
  const body = { prompt: "Hi", raw: true };
  await server.send(body, { traceparent: `00-${TRACE}-${PARENT}-00` });
  await server.send(body, { traceparent: `00-${TRACE}-0000000000000000-01` });
  await server.telemetry.shutdown();
  const requests = server.collector.named("POST /api/generate");
  assertEquals(requests.map(({ parentSpanId }) => parentSpanId), [""]);
  assert(requests[0]!.traceId !== TRACE);
});

Deno.test("a sampler without parents records by its ratio", async () => {
  await using server = await observed({}, { sampler: "traceidratio", ratio: 0 });
  await server.send({ prompt: "Hi", raw: true }, { traceparent: `00-${TRACE}-${PARENT}-01` });
  await server.telemetry.shutdown();
  assertEquals(server.collector.spans, []);
});

Deno.test("a failed answer and its request are errors; a refused request has no answer", async () => {
  const error = new ShimmyError("backend", "It broke");
  await using server = await observed({ script: { tokens: [], error } });
  assertEquals((await server.send({ prompt: "Hi", raw: true })).status, 502);
  assertEquals((await server.send({ prompt: "Hi", temprature: 1 })).status, 400);
  await server.telemetry.shutdown();
  const [failed, refused] = server.collector.named("POST /api/generate");
  const [answer, ...more] = server.collector.named("text_completion tiny");
  assertEquals([failed!.status, failed!.attributes["error.type"]], [2, "502"]);
  assertEquals([answer!.status, answer!.attributes["error.type"]], [2, "backend"]);
  assertEquals([refused!.status, refused!.attributes["http.response.status_code"]], [0, 400]);
  assertEquals(more, []);
});

Deno.test("the metrics of /metrics and those of the GenAI conventions are exported", async () => {
  await using server = await observed({ script: { tokens: ["a", "b", "c"] } });
  await server.send({ prompt: "Hi", raw: true });
  await server.send({ prompt: "Hi", raw: true });
  await server.telemetry.shutdown();
  const { metrics, resource } = server.collector;
  assertEquals([resource["service.name"], resource["service.version"]], ["shimmy", "1.2.3"]);
  const tokens = metrics.get("shimmy_completion_tokens_total")!;
  assertEquals([tokens.type, tokens.isMonotonic], ["sum", true]);
  assertEquals(tokens.points, [{ attributes: {}, value: 6 }]);
  const loaded = metrics.get("shimmy_model_loaded")!;
  assertEquals([loaded.type, loaded.points], [
    "gauge",
    [{ attributes: { model: "tiny" }, value: 1 }],
  ]);
  const queue = metrics.get("shimmy_queue_seconds")!;
  assertEquals([queue.type, queue.unit], ["histogram", "s"]);
  const { count, sum, buckets, bounds } = queue.points[0]!;
  assertEquals(count, 2);
  assertAlmostEquals(sum!, 0.002, 1e-9);
  // The first bucket takes both: the double tells a millisecond each.
  assertEquals([buckets!.length, buckets![0]], [bounds!.length + 1, 2]);
  assertEquals(buckets!.slice(1).every((one) => one === 0), true);
  for (const name of ["request.duration", "time_to_first_token", "time_per_output_token"]) {
    const { type, unit, points } = metrics.get(`gen_ai.server.${name}`)!;
    assertEquals([type, unit, points[0]!.count], ["histogram", "s", 2], name);
    assertEquals(points[0]!.attributes["gen_ai.request.model"], "tiny", name);
  }
  // The double tells 4 ms for the two tokens after the first.
  assertAlmostEquals(metrics.get("gen_ai.server.time_per_output_token")!.points[0]!.sum!, 0.004);
});

Deno.test("a signal without a target is not sent", async () => {
  await using server = await observed({}, { traces: null });
  await server.send({ prompt: "Hi", raw: true });
  await server.telemetry.shutdown();
  assertEquals(server.collector.exports.map(({ path }) => path), ["/v1/metrics"]);
});

Deno.test("failing exports are told once, and that they work again", async () => {
  await using server = await observed({}, { metricsIntervalMs: 20, traces: null });
  server.collector.status = 400;
  await until(() => server.collector.exports.length >= 3);
  server.collector.status = 200;
  await until(() => server.messages.length >= 2);
  assertEquals(server.messages.length, 2);
  const target = `${server.collector.url}/v1/metrics`;
  assert(server.messages[0]!.startsWith(`OpenTelemetry: metrics to ${target} cannot be sent: `));
  assertEquals(server.messages[1], `OpenTelemetry: metrics to ${target} are sent again`);
});

Deno.test({
  name: "a shutdown tells that a collector did not take the last data",
  // The SDK still has the timer of its request.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    // It accepts connections and never answers.
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const traces = `http://127.0.0.1:${listener.addr.port}/v1/traces`;
    await using server = await observed({}, { traces, metrics: null, shutdownMs: 50 });
    await server.send({ prompt: "Hi", raw: true });
    await server.telemetry.shutdown();
    assertEquals(server.messages, [
      "OpenTelemetry: the last data were not sent within 0.05 s and are lost",
    ]);
  },
});

Deno.test("the SDK is loaded by startTelemetry alone", async () => {
  /** The modules that a module loads at its own load. */
  async function loaded(name: string): Promise<string[]> {
    const text = await Deno.readTextFile(new URL(name, import.meta.url));
    const imports = text.matchAll(/^(?:import|export) (?!type\b)[^;]*? from "([^"]+)";/gm);
    const sources = [...imports].map(([, source]) => source!);
    const own = sources.filter((source) => source.startsWith("./"));
    return [...sources, ...(await Promise.all(own.map(loaded))).flat()];
  }
  const isSdk = (source: string) => source.startsWith("@opentelemetry/");
  assertEquals((await loaded("./mod.ts")).filter(isSdk), []);
  assert((await loaded("./exporters.ts")).some(isSdk));
});
