import { assertEquals, assertStringIncludes } from "@std/assert";
import { get, post, serverDouble, SETTINGS } from "../../../../tests/doubles/context.ts";
import { EngineDouble } from "../../../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../../../tests/doubles/pool.ts";
import { ShimmyError } from "../../../errors.ts";
import type { ModelStore } from "../../../models/pull/store.ts";
import type { ModelState } from "../../../models/registry/pool.ts";
import { createHandler } from "../../app.ts";
import type { Handler } from "../../http/serve.ts";

async function json(handler: Handler, request: Request): Promise<Record<string, unknown>> {
  const response = await handler(request);
  assertEquals(response.status, 200, await response.clone().text());
  return await response.json();
}

/** A handler over one model in a given state. */
function inState(state: Partial<ModelState>): Handler {
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine: new EngineDouble() });
  const rest: ModelState = { state: "unloaded", progress: 0, error: null, engine: null };
  pool.state = () => ({ ...rest, ...state });
  return createHandler({ pool, settings: SETTINGS });
}

Deno.test("models are listed without their paths", async () => {
  const { handler } = serverDouble();
  const body = await json(handler, get("/api/models"));
  assertEquals(body, {
    models: [{
      name: "tiny",
      state: "unloaded",
      kind: "language",
      source: "folder",
      architecture: "double",
      quantization: "F32",
      parameters: 1,
      context_length: 1024,
      size: 4,
      modified_at: "1970-01-01T00:00:00.000Z",
      capabilities: ["completion", "tools"],
      default: true,
      deletable: false,
    }],
    max_body_bytes: SETTINGS.maxBodyBytes,
  });
});

Deno.test("a list names the default model, the models that see, and those that can be deleted", async () => {
  const engine = new EngineDouble();
  const entries = ["one", "two"].map((name) =>
    entryDouble(name, name === "two" ? { projector: "mmproj.gguf" } : {})
  );
  const pool = new PoolDouble(...entries.map((entry) => ({ entry, engine })));
  const pulled = () => Promise.resolve(new Set(["two"]));
  const store = { pulled } as unknown as ModelStore;
  const handler = createHandler({ pool, store, settings: SETTINGS });
  const { models } = await json(handler, get("/api/models"));
  const facts = (models as Record<string, unknown>[]).map((one) => [
    one.default,
    (one.capabilities as string[]).includes("vision"),
    one.deletable,
  ]);
  assertEquals(facts, [[true, false, false], [false, true, true]]);
});

Deno.test("a plan reports the placement and loads nothing", async () => {
  const { handler } = serverDouble();
  assertEquals(await json(handler, get("/api/models/tiny/plan")), {
    name: "tiny",
    fits: true,
    layers: 2,
    offloaded_layers: 0,
    context_length: 1024,
    parallel: 1,
    context: {
      context_length: 1024,
      parallel: 1,
      kv_unified: false,
      kv_cells: 1024,
      kv_bytes: 8,
      swa_full: true,
      reason: "One sequence",
    },
    memory: "attention",
    sliding_window_bytes: null,
    devices: [{
      device: "CPU",
      layers: 2,
      weight_bytes: 4,
      kv_bytes: 8,
      compute_bytes: 16,
      cache_bytes: 32,
      memory_free: 1024,
      memory_total: 2048,
      memory_reserved: 0,
    }],
    expert_bytes: 0,
    saved_bytes: 0,
    notes: [],
  });
  const status = await json(handler, get("/api/models/tiny/status"));
  assertEquals(status.state, "unloaded");
});

Deno.test("a loaded model's status reports its placement", async () => {
  const placement = [
    { device: "GPU0", layers: 2, weightBytes: 4, kvBytes: 2, computeBytes: 1 },
  ];
  const engine = new EngineDouble({ info: { offloadedLayers: 2, placement } });
  const handler = inState({ state: "loaded", progress: 1, engine });
  const wire = [{ device: "GPU0", layers: 2, weight_bytes: 4, kv_bytes: 2, compute_bytes: 1 }];
  const status = await json(handler, get("/api/models/tiny/status"));
  assertEquals((status.loaded as { placement: unknown }).placement, wire);
  const [model] = (await json(handler, get("/diag"))).models as { placement: unknown }[];
  assertEquals(model!.placement, wire);
});

Deno.test("discover looks again", async () => {
  const { handler, pool } = serverDouble();
  const body = await json(handler, post("/api/models/discover", ""));
  assertEquals((body.models as unknown[]).length, 1);
  assertEquals(pool.rescans, 1);
});

Deno.test("a model is loaded, described and unloaded by its name", async () => {
  const { handler } = serverDouble();
  const before = await json(handler, get("/api/models/tiny/status"));
  assertEquals(before, { name: "tiny", state: "unloaded", progress: 0, error: null, loaded: null });
  const loaded = await json(handler, post("/api/models/tiny/load", ""));
  assertEquals(loaded.state, "loaded");
  assertEquals((loaded.loaded as { context_length: number }).context_length, 1024);
  assertEquals(await json(handler, get("/api/models/tiny/status")), loaded);
  assertEquals(await json(handler, post("/api/models/tiny/unload", "")), {
    name: "tiny",
    unloaded: true,
    state: "unloaded",
  });
  assertEquals((await json(handler, post("/api/models/tiny/unload", ""))).unloaded, false);
});

Deno.test("a status reports requests, the time of unloading and the next load attempt", async () => {
  const use = { requests: 2, isPinned: true, expiresInMs: null, bytes: 1000 };
  const used = inState({ state: "loaded", engine: new EngineDouble(), use });
  const { requests, pinned, expires_at, memory_bytes } = await json(
    used,
    get("/api/models/tiny/status"),
  );
  assertEquals([requests, pinned, expires_at, memory_bytes], [2, true, null, 1000]);
  const failed = inState({ state: "failed", error: "no such tensor", retryMs: 1500 });
  for (const path of ["/api/models/tiny/status", "/diag"]) {
    const body = await json(failed, get(path));
    const about = (body.models as Record<string, unknown>[] | undefined)?.[0] ?? body;
    assertEquals([about.error, about.retry_seconds], ["no such tensor", 2]);
  }
});

Deno.test("a status reports the counts of a loaded model and its accepted drafts", async () => {
  const counts = {
    promptTokens: 10,
    cachedTokens: 4,
    completionTokens: 7,
    speculation: "draft",
    draftedTokens: 8,
    acceptedTokens: 6,
    memoryKind: "hybrid",
    checkpoints: 3,
    savedBytes: 4096,
    evictions: 1,
    preemptions: 2,
  } as const;
  const statistics = async (engine: EngineDouble) => {
    const status = await json(
      inState({ state: "loaded", engine }),
      get("/api/models/tiny/status"),
    );
    return (status.loaded as { statistics: Record<string, unknown> }).statistics;
  };
  assertEquals(await statistics(new EngineDouble({ status: counts })), {
    prompt_tokens: 10,
    cached_tokens: 4,
    completion_tokens: 7,
    speculation: "draft",
    drafted_tokens: 8,
    accepted_tokens: 6,
    acceptance_rate: 0.75,
    memory: "hybrid",
    checkpoints: 3,
    saved_bytes: 4096,
    evictions: 1,
    disk_cache: null,
    shared_cache: null,
    preemptions: 2,
  });
  const disk = {
    ...{ bytes: 5, files: 1, limitBytes: 9, hits: 2, misses: 3, writes: 4, failures: 1 },
    notices: ["Disk cache: a state was not saved, because the disk is full"],
  };
  const { limitBytes, ...rest } = disk;
  assertEquals(
    (await statistics(new EngineDouble({ status: { diskCache: disk } }))).disk_cache,
    { ...rest, limit_bytes: limitBytes },
  );
  const shared = {
    ...{ isReady: true, isReachable: false, hits: 1, misses: 2, late: 3, readBytes: 4, writes: 5 },
    ...{ dropped: 6, writtenBytes: 7, failures: 8, notices: ["Shared cache: x"] },
  };
  assertEquals(
    (await statistics(new EngineDouble({ status: { sharedCache: shared } }))).shared_cache,
    {
      ...{ ready: true, reachable: false, hits: 1, misses: 2, late: 3, read_bytes: 4, writes: 5 },
      ...{ dropped: 6, written_bytes: 7, failures: 8, notices: ["Shared cache: x"] },
    },
  );
  const media = { encoded: 1, reused: 2, encodeMs: 3.5, bytes: 4, waiting: 0 };
  assertEquals(
    (await statistics(new EngineDouble({ status: { media } }))).media,
    { encoded: 1, reused: 2, encode_ms: 3.5, bytes: 4, waiting: 0 },
  );
  const { speculation, acceptance_rate } = await statistics(new EngineDouble());
  assertEquals([speculation, acceptance_rate], [null, null]);
  const dead = new EngineDouble();
  dead.status = () => Promise.reject(new Error("It is dead"));
  assertEquals(await statistics(dead), null as never);
});

Deno.test("a load may set how long the model stays loaded", async () => {
  const { handler, pool } = serverDouble();
  await json(handler, post("/api/models/tiny/load", { keep_alive: 0 }));
  assertEquals(pool.state((await pool.list())[0]!).state, "unloaded");
  const wrong = await handler(post("/api/models/tiny/load", { keep_alive: "soon" }));
  assertEquals(wrong.status, 400);
  assertStringIncludes((await wrong.json()).error, "keep_alive: must be seconds as a number");
});

Deno.test("names in paths are decoded", async () => {
  const engine = new EngineDouble();
  const pool = new PoolDouble({ entry: entryDouble("org/model:q4"), engine });
  const handler = createHandler({ pool, settings: SETTINGS });
  const status = await json(handler, get("/api/models/org%2Fmodel:q4/status"));
  assertEquals(status.name, "org/model:q4");
  const broken = await handler(get("/api/models/%ff/status"));
  assertEquals(broken.status, 400);
  assertEquals(await broken.json(), { error: "name: must be percent-encoded UTF-8" });
});

Deno.test("a model that is not there is 404 by name", async () => {
  const { handler } = serverDouble();
  for (const request of [get("/api/models/x/status"), post("/api/models/x/load", "")]) {
    const response = await handler(request);
    assertEquals(response.status, 404);
    assertEquals(await response.json(), { error: "Model 'x' not found" });
  }
});

Deno.test("the adapters of a loaded model are listed", async () => {
  const { handler, engine } = serverDouble();
  const unloaded = await json(handler, get("/api/lora"));
  assertEquals(unloaded, { model: "tiny", loaded: false, adapters: [], available: ["pirate"] });
  await engine.changeAdapters({ action: "load", name: "pirate", path: "", scale: 0.5 });
  await json(handler, post("/api/models/tiny/load", ""));
  assertEquals(await json(handler, get("/api/lora?model=tiny")), {
    model: "tiny",
    loaded: true,
    adapters: [{ name: "pirate", kind: "lora", scale: 0.5, digest: "pirate" }],
    available: ["pirate"],
  });
});

Deno.test("/health is alive whatever the models do", async () => {
  assertEquals(await json(inState({ state: "failed", error: "x" }), get("/health")), {
    status: "ok",
  });
});

Deno.test("/ready holds for a model that is loaded or can be", async () => {
  for (const state of ["unloaded", "loaded"] as const) {
    assertEquals(await json(inState({ state }), get("/ready")), { status: "ready", model: "tiny" });
  }
});

const unready: readonly (readonly [Partial<ModelState>, string])[] = [
  [{ state: "loading", progress: 0.426 }, "Model 'tiny' is loading (42 %)"],
  [{ state: "failed", error: "truncated" }, "Model 'tiny' cannot be loaded: truncated"],
];

for (const [state, error] of unready) {
  Deno.test(`/ready is 503 while a model is ${state.state}`, async () => {
    const response = await inState(state)(get("/ready"));
    assertEquals(response.status, 503);
    assertEquals(Number(response.headers.get("retry-after")) > 0, true);
    assertEquals(await response.json(), { error });
  });
}

Deno.test("/ready is 503 until the model is loaded that the server loads at its start", async () => {
  let isStarting = true;
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine: new EngineDouble() });
  const reported: string[] = [];
  const handler = createHandler({
    pool,
    settings: SETTINGS,
    isStarting: () => isStarting,
    report: ({ message }) => void reported.push(message),
  });
  const before = await handler(get("/ready"));
  assertEquals(before.status, 503);
  assertEquals(await before.json(), { error: "Model 'tiny' is not loaded yet" });
  // Probes ask each few seconds.
  assertEquals(reported, []);
  isStarting = false;
  assertEquals(await json(handler, get("/ready")), { status: "ready", model: "tiny" });
});

Deno.test("/ready is 503 while the process of the loaded model does not respond", async () => {
  const engine = Object.assign(new EngineDouble(), { isResponding: false });
  const response = await inState({ state: "loaded", engine })(get("/ready"));
  assertEquals(response.status, 503);
  assertEquals(await response.json(), { error: "Model 'tiny' does not respond" });
});

Deno.test("/ready is 503 without a model", async () => {
  const response = await createHandler({ pool: new PoolDouble(), settings: SETTINGS })(
    get("/ready"),
  );
  assertEquals(response.status, 503);
  assertEquals(await response.json(), { error: "No model is available" });
});

Deno.test("/diag reports models and requests, without paths and keys", async () => {
  const { handler } = serverDouble({}, { apiKey: "secret-key", library: "v0.5.0" });
  const headers = { "x-api-key": "secret-key" };
  await json(handler, post("/api/models/tiny/load", "", headers));
  const body = await json(handler, get("/diag", headers));
  assertEquals(body.shimmy, "1.2.3");
  assertEquals(body.libllama, "v0.5.0");
  const [model] = body.models as { name: string; state: string; sequences: unknown }[];
  assertEquals([model?.name, model?.state], ["tiny", "loaded"]);
  assertEquals(model?.sequences, { running: 0, prefilling: 0, queued: 0, queue_limit: 64 });
  assertEquals(/secret-key|\.gguf/.test(JSON.stringify(body)), false);
});

Deno.test("loading that fails is 502 with the reason", async () => {
  const engine = new ShimmyError("backend", "Model 'tiny' is not a GGUF file");
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const response = await createHandler({ pool, settings: SETTINGS })(
    post("/api/models/tiny/load", ""),
  );
  assertEquals(response.status, 502);
  assertStringIncludes((await response.json()).error, "not a GGUF file");
});
