import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ClockDouble } from "../../../tests/doubles/clock.ts";
import { modelEntry } from "../../../tests/doubles/model_entry.ts";
import { buildModel } from "../../../tests/models/build_gguf.ts";
import { Machine, model } from "../../../tests/models/machine.ts";
import { projectorFile } from "../../../tests/models/projector.ts";
import type { Engine } from "../../engine/engine.ts";
import { ShimmyError } from "../../errors.ts";
import type { Discovery, ModelEntry } from "../entry/entry.ts";
import type { ModelConfig } from "./apply_config.ts";
import { KEEP_ALL } from "./load_policy.ts";
import type { LoadEngine } from "./model_instance.ts";
import { createPool, type PoolOptions, type Registry } from "./registry.ts";

const TINY = fileURLToPath(new URL("../../assets/tiny/shimmy-tiny.gguf", import.meta.url));

/** State of an unused model without idle timeout. */
const NO_USE = { requests: 0, isPinned: false, expiresInMs: null, bytes: null };

/** An engine double with only a lifecycle and no device memory. */
class Double {
  readonly info = { devices: [], placement: [] };
  readonly #closed = Promise.withResolvers<string | null>();
  disposed = false;
  readonly closed = this.#closed.promise;

  crash(reason: string): void {
    this.#closed.resolve(reason);
  }
  [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
    this.#closed.resolve(null);
    return Promise.resolve();
  }
}

/** Loads that the test completes manually. */
class Loader {
  readonly calls: {
    readonly entry: ModelEntry;
    readonly signal: AbortSignal;
    readonly onProgress: (fraction: number) => void;
    readonly finish: () => Double;
    readonly fail: (error: Error) => void;
  }[] = [];

  readonly load: LoadEngine = (entry, { signal, onProgress }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Engine>();
    signal.addEventListener("abort", () => reject(signal.reason));
    const finish = () => {
      const double = new Double();
      resolve(double as unknown as Engine);
      return double;
    };
    this.calls.push({ entry, signal, onProgress, finish, fail: reject });
    return promise;
  };
}

function setUp(
  models: readonly ModelEntry[],
  options: Partial<PoolOptions> = {},
): { pool: Registry; loader: Loader } {
  const loader = new Loader();
  const discovery: Discovery = { models, skipped: [], sources: [] };
  const pool = createPool({
    discover: () => Promise.resolve(discovery),
    load: loader.load,
    loras: [],
    paths: "found",
    ...options,
  });
  return { pool, loader };
}

/** Runs everything that is ready. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("the default is the base model, with the adapters of the command line", async () => {
  const lora = { path: "/l.gguf", scale: 0.5 };
  const base = modelEntry("base", { source: "base" });
  const { pool } = setUp([modelEntry("first"), base], { base: "/models/base.gguf", loras: [lora] });
  const chosen = await pool.resolve(undefined);
  assertEquals(chosen, { ...base, loras: [lora] });
  assertEquals(await pool.resolve("base"), chosen);
  assertEquals((await pool.resolve("first")).loras, []);
});

Deno.test("a model's adapters are its own, then the discovered ones, each name once", async () => {
  const pool = createPool({
    discover: () =>
      Promise.resolve({
        models: [],
        skipped: [
          { path: "/models/Style.gguf", reason: "", kind: "adapter" },
          { path: "/models/clip.gguf", reason: "", kind: "projector" },
          { path: "/models/mood.gguf", reason: "", kind: "adapter" },
        ],
        sources: [],
      }),
    load: () => Promise.reject(new Error("Nothing is loaded here")),
    loras: [],
    paths: "found",
  });
  const loras = [{ path: "/own/style.gguf", scale: 1 }, {
    path: "/b.gguf",
    name: "Tone",
    scale: 0,
  }];
  assertEquals(await pool.adapters(modelEntry("m", { loras })), [
    { name: "style", path: resolve("/own/style.gguf") },
    { name: "tone", path: resolve("/b.gguf") },
    { name: "mood", path: resolve("/models/mood.gguf") },
  ]);
  assertEquals((await pool.adapters(modelEntry("m"))).map(({ name }) => name), ["style", "mood"]);
});

Deno.test("a name that is not known is searched for again, at most every five seconds", async () => {
  const clock = new ClockDouble();
  const models = [modelEntry("first")];
  let scans = 0;
  const pool = createPool({
    discover: () => {
      scans++;
      return Promise.resolve({ models: [...models], skipped: [], sources: [] });
    },
    load: () => Promise.reject(new Error("Nothing is loaded here")),
    loras: [],
    paths: "found",
    clock,
  });
  await pool.list();
  models.push(modelEntry("pulled"));
  await assertRejects(() => pool.resolve("pulled"), ShimmyError, "not found");
  assertEquals(scans, 1);
  await clock.pass(5_000);
  assertEquals((await pool.resolve("pulled")).name, "pulled");
  await assertRejects(() => pool.resolve("other"), ShimmyError, "not found");
  assertEquals(scans, 2);
});

Deno.test("without a base model the first language model is the default", async () => {
  const { pool } = setUp([
    modelEntry("vectors", { kind: "embedding" }),
    modelEntry("talks"),
    modelEntry("shimmy-tiny", { source: "builtin" }),
  ]);
  assertEquals((await pool.resolve(undefined)).name, "talks");
});

Deno.test("the built-in model is the default when there is no other", async () => {
  const { pool } = setUp([modelEntry("shimmy-tiny", { source: "builtin" })]);
  assertEquals((await pool.resolve(undefined)).source, "builtin");
});

Deno.test("an unusable base model is an error and is never replaced by another model", async () => {
  const discovery: Discovery = {
    models: [modelEntry("other")],
    skipped: [{ path: "/models/base.gguf", reason: "not a GGUF file", kind: "broken" }],
    sources: [],
  };
  const { pool } = setUp([], {
    base: "/models/base.gguf",
    discover: () => Promise.resolve(discovery),
  });
  const error = await assertRejects(() => pool.resolve(undefined), ShimmyError);
  assertEquals(error.message, "Cannot use the base model: not a GGUF file");
  assertEquals(error.kind, "backend");
});

Deno.test("an unknown name is refused with the nearest name and the names there are", async () => {
  const refusalOf = async (models: readonly ModelEntry[], name: string) => {
    const error = await assertRejects(() => setUp(models).pool.resolve(name), ShimmyError);
    assertEquals([error.kind, error.field], ["not_found", "model"]);
    return error.message;
  };
  assertEquals(
    await refusalOf([modelEntry("llama3", { aliases: ["mine"] }), modelEntry("phi-4")], "lama3"),
    "Model 'lama3' not found; the nearest name is 'llama3'; available: llama3, mine, phi-4",
  );
  assertEquals(await refusalOf([modelEntry("one")], "x"), "Model 'x' not found; available: one");
  assertEquals(await refusalOf([], "x"), "Model 'x' not found");
  const many = Array.from({ length: 12 }, (_, index) => modelEntry(`m${index}`));
  const listed = "m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 and 2 more";
  assertEquals(
    await refusalOf(many, "m99"),
    `Model 'm99' not found; the nearest name is 'm9'; available: ${listed}`,
  );
  assertEquals((await refusalOf(many, "x".repeat(100_000))).length < 400, true);
});

Deno.test("the alias * names the model for unknown names", async () => {
  const fallbackOf = async (config: Partial<ModelConfig>) => {
    const whole = { models: {}, aliases: {}, defaults: {}, ...config };
    const { pool } = setUp([modelEntry("first"), modelEntry("second")], { config: whole });
    return (await pool.fallback())?.name;
  };
  assertEquals(await fallbackOf({}), undefined);
  assertEquals(await fallbackOf({ aliases: { "*": "second" } }), "second");
  assertEquals(await fallbackOf({ aliases: { "*": "nobody" } }), undefined);
  assertEquals(
    await fallbackOf({ models: { second: { aliases: ["*"], settings: {} } } }),
    "second",
  );
});

Deno.test("a preload does not evict the model of a request", async () => {
  const { pool, loader } = setUp([], { policy: { ...KEEP_ALL, maxModels: 1 } });
  const [wanted, preferred] = [modelEntry("wanted"), modelEntry("preferred")];
  const loading = pool.engine(wanted);
  await settle();
  assertEquals(await pool.preload(preferred), null);
  const double = loader.calls[0]!.finish();
  await loading;
  assertEquals(await pool.preload(preferred), null);
  assertEquals((await pool.preload(wanted)) === null, false);
  assertEquals(double.disposed, false);
  assertEquals([pool.state(wanted).state, pool.state(preferred).state], ["loaded", "unloaded"]);
  await pool.unload(wanted);
  const preloading = pool.preload(preferred);
  await settle();
  loader.calls[1]!.finish();
  await preloading;
  assertEquals(pool.state(preferred).state, "loaded");
});

Deno.test("a path of an undiscovered file is opened only if any path is allowed", async () => {
  const closed = setUp([]).pool;
  await assertRejects(() => closed.resolve(TINY), ShimmyError, "not found");
  const open = setUp([], { paths: "any" }).pool;
  const opened = await open.resolve(TINY);
  assertEquals([opened.name, opened.source], ["shimmy-tiny", "path"]);
  assertEquals(await open.list(), [opened]);
  const error = await assertRejects(() => open.resolve("./no.gguf"), ShimmyError);
  assertEquals(error.message, "Cannot use model './no.gguf': does not exist");
});

Deno.test("a model that is opened by path has the projector beside it", async () => {
  using machine = new Machine();
  const path = machine.write("seer.gguf", buildModel({ "llama.embedding_length": 64 }));
  const projector = machine.write("mmproj-F16.gguf", projectorFile());
  const { pool } = setUp([], { paths: "any" });
  assertEquals((await pool.resolve(path)).projector, projector);
  const configured = setUp([], {
    config: { models: { seer: { path, aliases: [], settings: {} } }, aliases: {}, defaults: {} },
  }).pool;
  assertEquals((await configured.resolve("seer")).projector, projector);
});

Deno.test("options give found, configured and opened models a projector", async () => {
  using machine = new Machine();
  const path = machine.write("seer.gguf", buildModel());
  const config: ModelConfig = {
    models: { found: { aliases: [], projector: "/configured.gguf", settings: {} } },
    aliases: {},
    defaults: {},
  };
  const { pool } = setUp([modelEntry("found")], {
    paths: "any",
    config,
    withProjector: (entry) => ({ ...entry, projector: "/named.gguf" }),
  });
  const names = ["found", path, undefined];
  const entries = await Promise.all(names.map((name) => pool.resolve(name)));
  assertEquals(entries.map(({ projector }) => projector), Array(3).fill("/named.gguf"));
});

Deno.test("a model with a missing file is refused with the name of that file", async () => {
  using machine = new Machine();
  const digest = `sha256-${"a".repeat(64)}`;
  machine.write(
    "home/.ollama/models/manifests/registry.ollama.ai/library/tiny/latest",
    JSON.stringify({
      layers: [{
        mediaType: "application/vnd.ollama.image.model",
        digest: digest.replace("-", ":"),
      }],
    }),
  );
  const shard = machine.write("elsewhere/m-00001-of-00002.gguf", model());
  const { pool } = setUp([], { paths: "any", discover: () => machine.discover() });
  const message = async (name: string) =>
    (await assertRejects(() => pool.resolve(name), ShimmyError)).message;
  assertEquals(await message("Tiny"), `Cannot use model 'Tiny': its blob ${digest} is missing`);
  assertEquals(await message("other"), "Model 'other' not found");
  assertEquals(
    await message(shard),
    `Cannot use model '${shard}': its shard m-00002-of-00002.gguf is missing`,
  );
  const based = setUp([], { base: shard, discover: () => machine.discover({ base: shard }) }).pool;
  assertEquals(
    (await assertRejects(() => based.resolve(undefined), ShimmyError)).message,
    "Cannot use the base model: its shard m-00002-of-00002.gguf is missing",
  );
});

Deno.test("a draft is a discovered model or any file, and its name is only in the detail", async () => {
  await using pool = createPool({
    discover: () => Promise.resolve({ models: [modelEntry("a")], skipped: [], sources: [] }),
    load: () => Promise.reject(new Error()),
    loras: [],
    paths: "found",
  });
  assertEquals((await pool.resolveDraft("A")).name, "a");
  assertEquals((await pool.resolveDraft(TINY)).paths, [TINY]);
  // Clients cannot open it by path.
  assertEquals((await pool.list()).map(({ name }) => name), ["a"]);
  await assertRejects(() => pool.resolve(TINY), ShimmyError, "not found");
  for (
    const [name, reason] of [["b", "it was not found"], [resolve("/b.gguf"), "does not exist"]]
  ) {
    const error = await assertRejects(() => pool.resolveDraft(name!), ShimmyError);
    assertEquals(
      [error.kind, error.message, error.detail],
      ["backend", `Cannot use the model of --draft: ${reason}`, name],
    );
  }
});

Deno.test("sources are scanned once, again on rescan, and after a failure", async () => {
  let scans = 0;
  const { pool } = setUp([], {
    discover: () => {
      scans++;
      if (scans === 1) return Promise.reject(new Error("no disk"));
      return Promise.resolve({ models: [modelEntry(`m${scans}`)], skipped: [], sources: [] });
    },
  });
  await assertRejects(() => pool.list(), Error, "no disk");
  assertEquals((await Promise.all([pool.list(), pool.list()])).flat().map((m) => m.name), [
    "m2",
    "m2",
  ]);
  assertEquals((await pool.rescan()).map((m) => m.name), ["m3"]);
});

Deno.test("concurrent requests share one load, and its progress is visible", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  assertEquals(pool.state(model).state, "unloaded");
  const both = Promise.all([pool.engine(model), pool.engine({ ...model })]);
  await settle();
  assertEquals(loader.calls.length, 1);
  loader.calls[0]!.onProgress(0.5);
  assertEquals(pool.state(model), {
    state: "loading",
    progress: 0.5,
    error: null,
    engine: null,
    use: NO_USE,
  });
  loader.calls[0]!.finish();
  const [one, two] = await both;
  assertStrictEquals(one, two);
  assertEquals(pool.state(model), {
    state: "loaded",
    progress: 1,
    error: null,
    engine: one,
    use: NO_USE,
  });
  assertStrictEquals(await pool.engine(model), one);
  assertEquals(loader.calls.length, 1);
});

Deno.test("the same model with other adapters has another engine", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  const first = pool.engine(model);
  const second = pool.engine({ ...model, loras: [{ path: "/l.gguf", scale: 1 }] });
  await settle();
  assertEquals(loader.calls.length, 2);
  for (const call of loader.calls) call.finish();
  assert(await first !== await second);
});

Deno.test("a cancelled request leaves the load to the others", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  const controller = new AbortController();
  const cancelled = pool.engine(model, controller.signal);
  const waiting = pool.engine(model);
  await settle();
  controller.abort();
  const error = await assertRejects(() => cancelled, ShimmyError);
  assertEquals(error.kind, "cancelled");
  assertEquals(loader.calls[0]!.signal.aborted, false);
  loader.calls[0]!.finish();
  await waiting;
});

Deno.test("cancelling the last request aborts the load, and the next request loads again", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  const controller = new AbortController();
  const only = pool.engine(model, controller.signal);
  await settle();
  controller.abort();
  await assertRejects(() => only, ShimmyError, "cancelled");
  assertEquals(loader.calls[0]!.signal.aborted, true);
  assertEquals(pool.state(model).state, "unloaded");
  const next = pool.engine(model);
  await settle();
  assertEquals(loader.calls.length, 2);
  loader.calls[1]!.finish();
  await next;
});

Deno.test("an already cancelled request starts no load", async () => {
  const { pool, loader } = setUp([]);
  await assertRejects(
    () => pool.engine(modelEntry("m"), AbortSignal.abort()),
    ShimmyError,
    "cancelled",
  );
  assertEquals(loader.calls.length, 0);
});

Deno.test("a failed load keeps its reason and the next request retries", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  const failing = pool.engine(model);
  await settle();
  loader.calls[0]!.fail(new ShimmyError("backend", "Not enough memory"));
  await assertRejects(() => failing, ShimmyError, "Not enough memory");
  assertEquals(pool.state(model).state, "failed");
  assertEquals(pool.state(model).error, "Not enough memory");
  const next = pool.engine(model);
  await settle();
  loader.calls[1]!.finish();
  await next;
  assertEquals(pool.state(model).error, null);
});

Deno.test("an error that is not a ShimmyError is not shown", async () => {
  const { pool, loader } = setUp([]);
  const failing = pool.engine(modelEntry("m"));
  await settle();
  loader.calls[0]!.fail(new TypeError("undefined is not a function in /home/x"));
  const error = await assertRejects(() => failing, ShimmyError);
  assertEquals(error.message, "Cannot load model 'm'");
});

Deno.test("a crashed engine is dropped and its reason kept", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  const first = pool.engine(model);
  await settle();
  const double = loader.calls[0]!.finish();
  await first;
  double.crash("The engine's thread ended");
  await settle();
  assertEquals(pool.state(model), {
    state: "failed",
    progress: 0,
    error: "The engine's thread ended",
    engine: null,
  });
  const second = pool.engine(model);
  await settle();
  loader.calls[1]!.finish();
  assert(await second !== await first);
});

Deno.test("a model whose process does not respond is loaded again at once", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  const first = pool.engine(model);
  await settle();
  loader.calls[0]!.finish().crash("The model's process does not respond");
  await first;
  await settle();
  assertEquals(pool.state(model).state, "loading");
  const second = loader.calls[1]!.finish();
  assertStrictEquals(await pool.engine(model), second as unknown as Engine);
});

Deno.test("a model whose file was removed is listed until it is unloaded", async () => {
  let files = [modelEntry("m")];
  const { pool, loader } = setUp([], {
    discover: () => Promise.resolve({ models: files, skipped: [], sources: [] }),
  });
  const loading = pool.engine(await pool.resolve("m"));
  await settle();
  const double = loader.calls[0]!.finish();
  await loading;
  files = [];
  assertEquals((await pool.rescan()).map(({ name, isRemoved }) => [name, isRemoved]), [[
    "m",
    true,
  ]]);
  const entry = await pool.resolve("m");
  assertEquals(pool.state(entry).state, "loaded");
  assertEquals(await pool.unload(entry), true);
  assertEquals(double.disposed, true);
  assertEquals(await pool.list(), []);
});

Deno.test("unloading disposes of the engine and returns whether it was loaded", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  assertEquals(await pool.unload(model), false);
  const loading = pool.engine(model);
  await settle();
  const double = loader.calls[0]!.finish();
  await loading;
  assertEquals(await pool.unload(model), true);
  assertEquals(double.disposed, true);
  assertEquals(pool.state(model).state, "unloaded");
});

Deno.test("unloading aborts a load and its requests get the reason", async () => {
  const { pool, loader } = setUp([]);
  const model = modelEntry("m");
  const loading = assertRejects(() => pool.engine(model), ShimmyError, "Model 'm' was unloaded");
  await settle();
  assertEquals(await pool.unload(model), false);
  // Not `cancelled`, because the callers did not cancel.
  assertEquals((await loading).kind, "overloaded");
  assertEquals(loader.calls[0]!.signal.aborted, true);
});

Deno.test("an engine that finishes loading after an abort is disposed", async () => {
  const stubborn = Promise.withResolvers<Engine>();
  const { pool } = setUp([], { load: () => stubborn.promise });
  const model = modelEntry("m");
  const loading = assertRejects(() => pool.engine(model), ShimmyError, "was unloaded");
  await settle();
  const unloading = pool.unload(model);
  const double = new Double();
  stubborn.resolve(double as unknown as Engine);
  await Promise.all([loading, unloading]);
  assertEquals(double.disposed, true);
  assertEquals(pool.state(model).state, "unloaded");
});

Deno.test("disposing of the pool disposes of every engine and aborts every load", async () => {
  const { pool, loader } = setUp([]);
  const loaded = pool.engine(modelEntry("a"));
  const loading = assertRejects(() => pool.engine(modelEntry("b")), ShimmyError, "shutting down");
  await settle();
  const double = loader.calls[0]!.finish();
  await loaded;
  await pool[Symbol.asyncDispose]();
  await loading;
  assertEquals(double.disposed, true);
  assertEquals(loader.calls[1]!.signal.aborted, true);
  await assertRejects(() => pool.engine(modelEntry("a")), ShimmyError, "shutting down");
});
