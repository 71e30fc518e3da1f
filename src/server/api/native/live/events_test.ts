import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ServerSentEventParseStream } from "@std/http/server-sent-event-parse-stream";
import { get, post, serverDouble } from "../../../../../tests/doubles/context.ts";
import { EngineDouble } from "../../../../../tests/doubles/engine.ts";
import { KeysDouble } from "../../../../../tests/doubles/keys.ts";
import { entryDouble, PoolDouble } from "../../../../../tests/doubles/pool.ts";
import { SETTINGS } from "../../../../../tests/doubles/context.ts";
import { ShimmyError } from "../../../../errors.ts";
import { Activity } from "../../../activity/mod.ts";
import { createHandler } from "../../../app.ts";
import type { Handler } from "../../../http/mod.ts";
import { type EventData, eventSchemas } from "./schema.ts";

type Name = keyof typeof eventSchemas;

/** A listener of `/api/events`. Its events are validated against their schemas. */
class Listener implements AsyncDisposable {
  readonly #events: ReadableStreamDefaultReader<{ event?: string; data?: string }>;

  private constructor(response: Response) {
    this.#events = response.body!
      .pipeThrough(new ServerSentEventParseStream({ ignoreComments: true }))
      .getReader();
  }

  static async open(handler: Handler, headers: HeadersInit = {}): Promise<Listener> {
    const response = await handler(get("/api/events", headers));
    assertEquals(response.status, 200, response.ok ? "" : await response.text());
    assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    return new Listener(response);
  }

  /** The next event; null after the end. */
  async any(): Promise<{ readonly name: Name; readonly data: Record<string, unknown> } | null> {
    const { value, done } = await this.#events.read();
    if (done) return null;
    const name = value.event as Name;
    const data = JSON.parse(value.data!);
    eventSchemas[name].parse(data);
    return { name, data };
  }

  /** The next event with a name. */
  async next<N extends Name>(name: N): Promise<EventData<N>> {
    while (true) {
      const event = await this.any();
      if (event === null) throw new Error(`The stream ended before the event ${name}`);
      if (event.name === name) return event.data as EventData<N>;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.cancel();
  }
}

Deno.test("the status has the figures of /diag and the rates of each loaded model", async () => {
  const { handler } = serverDouble();
  await (await handler(post("/api/models/tiny/load", ""))).body?.cancel();
  const diagnosis = await (await handler(get("/diag"))).json();
  await using listener = await Listener.open(handler);
  const status = await listener.next("status");
  const [model] = status.models;
  const rates = { prompt_per_second: 0, completion_per_second: 0 };
  assertEquals(model, { ...diagnosis.models[0], ...rates });
  assertEquals(status.requests, { running: 0, waiting: 0 });
  assertEquals(status.memory.process_bytes > 0, true);
  assertEquals([status.pulls, status.missed], [[], 0]);
});

Deno.test("models that are not loaded are no part of the status, and changes are told", async () => {
  const { handler } = serverDouble();
  await using listener = await Listener.open(handler);
  assertEquals((await listener.next("status")).models, []);
  await (await handler(post("/api/models/tiny/load", ""))).body?.cancel();
  const { time: _, ...loaded } = await listener.next("model");
  assertEquals(loaded, { name: "tiny", state: "loaded", previous: "unloaded", error: null });
  assertEquals((await listener.next("status")).models[0]?.name, "tiny");
  await (await handler(post("/api/models/tiny/unload", ""))).body?.cancel();
  const { time: __, ...unloaded } = await listener.next("model");
  assertEquals(unloaded, { name: "tiny", state: "unloaded", previous: "loaded", error: null });
});

Deno.test("finished requests and errors are told, without prompts and details", async () => {
  const broken = new ShimmyError("backend", "Model 'tiny' is broken", { detail: "/secret/a.gguf" });
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine: broken });
  const handler = createHandler({ pool, settings: SETTINGS });
  await using listener = await Listener.open(handler);
  await listener.next("status");
  const headers = { "x-request-id": "r-1" };
  const response = await handler(post("/v1/completions", { prompt: "the secret" }, headers));
  await response.body?.cancel();
  const { time: _, ...error } = await listener.next("error");
  assertEquals(error, { request_id: "r-1", status: 502, message: "Model 'tiny' is broken" });
  const { time: __, duration_ms: ___, ...request } = await listener.next("request");
  assertEquals(request, {
    ...{ request_id: "r-1", method: "POST", route: "/v1/completions", status: 502 },
    ...{ model: "tiny", prompt_tokens: 0, completion_tokens: 0 },
  });
});

Deno.test("a new listener gets earlier errors and log lines, and lines with paths without text", async () => {
  const activity = new Activity();
  const { handler } = serverDouble({}, {}, { activity });
  activity.log("warn", "Memory is short");
  activity.log("info", "Skipped /models/secret.gguf: truncated");
  activity.failed({ requestId: "r", status: 500, message: "Internal error" });
  await using listener = await Listener.open(handler);
  assertEquals((await listener.next("log")).message, "Memory is short");
  assertEquals((await listener.next("log")).message, null);
  assertEquals((await listener.next("error")).message, "Internal error");
});

Deno.test("a key that is limited to models gets their events alone", async () => {
  await using keys = await KeysDouble.create();
  const engines = { one: new EngineDouble(), two: new EngineDouble() };
  const pool = new PoolDouble(
    { entry: entryDouble("one"), engine: engines.one },
    { entry: entryDouble("two"), engine: engines.two },
  );
  const activity = new Activity();
  const handler = createHandler({ pool, settings: SETTINGS, keyring: keys.keyring, activity });
  for (const name of ["one", "two"]) await pool.engine(await pool.resolve(name));
  activity.log("info", "two is loaded");
  activity.failed({ requestId: "r", status: 502, message: "two is broken" });
  activity.pull("two");
  const limited = await keys.issue({ scopes: ["metrics"], models: ["one"] });
  await using listener = await Listener.open(handler, { "x-api-key": limited.token });
  const first = await listener.any();
  assertEquals(first?.name, "status");
  const status = first!.data as EventData<"status">;
  assertEquals(status.models.map(({ name }) => name), ["one"]);
  assertEquals(status.pulls, []);
  activity.finished({ ...REQUEST, model: "two" });
  activity.finished({ ...REQUEST, model: null });
  activity.finished({ ...REQUEST, model: "one" });
  const second = await listener.any();
  assertEquals([second?.name, second?.data.model], ["request", "one"]);
});

Deno.test("the stream of a key that is revoked ends", async () => {
  await using keys = await KeysDouble.create();
  const { handler } = serverDouble({}, {}, { keyring: keys.keyring });
  const { token, claims } = await keys.issue({ scopes: ["metrics"] });
  await using listener = await Listener.open(handler, { "x-api-key": token });
  await listener.next("status");
  await keys.revoke(claims.id);
  assertEquals(await listener.any(), null);
});

Deno.test("the stream ends when the server stops, and a client that leaves frees its place", async () => {
  const stop = new AbortController();
  const { handler } = serverDouble({}, {}, { stopping: stop.signal });
  for (let count = 0; count < 40; count++) {
    await using listener = await Listener.open(handler);
    await listener.next("status");
  }
  await using listener = await Listener.open(handler);
  stop.abort();
  while (await listener.any() !== null);
});

Deno.test("there is a limit of listeners", async () => {
  await using stack = new AsyncDisposableStack();
  const { handler } = serverDouble();
  for (let count = 0; count < 32; count++) stack.use(await Listener.open(handler));
  const refused = await handler(get("/api/events"));
  assertEquals(refused.status, 503);
  assertMatch(refused.headers.get("retry-after")!, /^\d+$/);
  assertStringIncludes((await refused.json()).error, "32 listeners");
});

Deno.test("pages of other sites cannot listen", async () => {
  const { handler } = serverDouble();
  const refused = await handler(get("/api/events", { "sec-fetch-site": "cross-site" }));
  assertEquals(refused.status, 403);
  await refused.body?.cancel();
});

Deno.test("the events are described in the OpenAPI document", async () => {
  const { handler } = serverDouble();
  const { paths } = await (await handler(get("/openapi.json"))).json();
  const content = paths["/api/events"].get.responses[200].content["text/event-stream"];
  assertEquals(Object.keys(content["x-shimmy-events"]), Object.keys(eventSchemas));
  assertEquals(content["x-shimmy-events"].log.properties.level.enum, ["error", "warn", "info"]);
});

const REQUEST = {
  requestId: "r",
  method: "POST",
  route: "/v1/completions",
  status: 200,
  promptTokens: 1,
  completionTokens: 1,
  durationMs: 1,
};
