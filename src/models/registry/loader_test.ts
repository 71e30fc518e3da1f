import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ClockDouble, settle } from "../../../tests/doubles/clock.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { mainMemory } from "../../../tests/doubles/memory.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../entry/entry.ts";
import { KEEP_ALL, type LoadPolicy } from "./load_policy.ts";
import { ModelLoader } from "./loader.ts";

const MINUTE = 60_000;

/** A loader whose engines are doubles that use their size in bytes, with a test clock. */
function setUp(policy: Partial<LoadPolicy> = {}, bytes?: number) {
  const clock = new ClockDouble();
  const logged: string[] = [];
  const loaded: string[] = [];
  let free = bytes ?? 0;
  const memory = mainMemory(({ size }) => size, () => free);
  const loader = new ModelLoader({
    load: (entry) => {
      loaded.push(entry.name);
      free -= entry.size;
      const engine = new EngineDouble();
      engine.closed.then(() => free += entry.size);
      return Promise.resolve(engine);
    },
    policy: { ...KEEP_ALL, ...(bytes === undefined ? {} : { memory }), ...policy },
    clock,
    log: (line) => logged.push(line),
  });
  const states = (...entries: ModelEntry[]) => entries.map((entry) => loader.state(entry).state);
  return { clock, logged, loaded, loader, states };
}

const [a, b, c] = ["a", "b", "c"].map((name) => entryDouble(name)) as [
  ModelEntry,
  ModelEntry,
  ModelEntry,
];

Deno.test("an idle model is unloaded after its timeout, a model in use is not", async () => {
  const { clock, loader, states, logged } = setUp({ keepAlive: 5 * MINUTE });
  const lease = await loader.lease(a);
  await clock.pass(60 * MINUTE);
  assertEquals(states(a), ["loaded"]);
  lease[Symbol.dispose]();
  assertEquals(loader.state(a).use?.expiresInMs, 5 * MINUTE);
  await clock.pass(5 * MINUTE - 1);
  assertEquals(states(a), ["loaded"]);
  await clock.pass(1);
  assertEquals(states(a), ["unloaded"]);
  assertEquals(logged, ["Unloading a: idle for 5m"]);
  assertEquals(clock.pending, 0);
});

Deno.test("a request restarts the idle timeout", async () => {
  const { clock, loader, states } = setUp({ keepAlive: MINUTE });
  (await loader.lease(a))[Symbol.dispose]();
  await clock.pass(MINUTE - 1);
  (await loader.lease(a))[Symbol.dispose]();
  await clock.pass(MINUTE - 1);
  assertEquals(states(a), ["loaded"]);
  assertEquals(clock.pending, 1);
});

Deno.test("keep_alive 0 unloads after the last running request", async () => {
  const { loader, states } = setUp();
  const one = await loader.lease(a, undefined, 0);
  const two = await loader.lease(a);
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  assertEquals([states(a), loader.state(a).use?.requests], [["loaded"], 1]);
  two[Symbol.dispose]();
  assertEquals(states(a), ["unloaded"]);
  await settle();
});

Deno.test("a request's keep_alive applies until another request changes it", async () => {
  const { clock, loader, states } = setUp({ keepAlive: MINUTE });
  (await loader.lease(a, undefined, Infinity))[Symbol.dispose]();
  assertEquals(loader.state(a).use, {
    requests: 0,
    isPinned: true,
    expiresInMs: null,
    bytes: null,
  });
  (await loader.lease(a))[Symbol.dispose]();
  await clock.pass(100 * MINUTE);
  assertEquals(states(a), ["loaded"]);
  (await loader.lease(a, undefined, 2 * MINUTE))[Symbol.dispose]();
  await clock.pass(2 * MINUTE);
  assertEquals(states(a), ["unloaded"]);
});

Deno.test("a model's own settings override the default", async () => {
  const { clock, loader, states } = setUp({ keepAlive: MINUTE });
  const short = { ...a, settings: { keepAlive: 1000 } };
  const pinned = { ...b, settings: { pinned: true } };
  for (const entry of [short, pinned, c]) (await loader.lease(entry))[Symbol.dispose]();
  await clock.pass(1000);
  assertEquals(states(short, pinned, c), ["unloaded", "loaded", "loaded"]);
  await clock.pass(MINUTE);
  assertEquals(states(short, pinned, c), ["unloaded", "loaded", "unloaded"]);
});

Deno.test("with a default of 0, requests that wait for a load still get the model", async () => {
  const { clock, loader, states } = setUp({ keepAlive: 0 });
  const engine = await loader.engine(a);
  assertEquals(engine.info.architecture, "double");
  await clock.pass(0);
  assertEquals(states(a), ["unloaded"]);
});

Deno.test("concurrent requests share one load, and each is counted", async () => {
  const { loader, loaded } = setUp();
  const leases = await Promise.all([loader.lease(a), loader.lease(a), loader.lease(a)]);
  assertEquals([loaded, loader.state(a).use?.requests], [["a"], 3]);
  assertStrictEquals(leases[0]!.engine, leases[2]!.engine);
  for (const lease of leases) lease[Symbol.dispose]();
  assertEquals(loader.state(a).use?.requests, 0);
});

Deno.test("the least recently used model is unloaded for another", async () => {
  const { clock, loader, states, logged } = setUp({ maxModels: 2 });
  for (const entry of [a, b, a]) {
    (await loader.lease(entry))[Symbol.dispose]();
    await clock.pass(1);
  }
  await loader.engine(c);
  assertEquals(states(a, b, c), ["loaded", "unloaded", "loaded"]);
  assertEquals(logged, ["Unloading b: c would exceed the limit of 2 loaded models"]);
});

Deno.test("a pinned model is unloaded last", async () => {
  const { clock, loader, states } = setUp({ maxModels: 2 });
  const pinned = { ...a, settings: { pinned: true } };
  for (const entry of [pinned, b]) {
    (await loader.lease(entry))[Symbol.dispose]();
    await clock.pass(1);
  }
  await loader.engine(c);
  assertEquals(states(pinned, b, c), ["loaded", "unloaded", "loaded"]);
  const alone = setUp({ maxModels: 1 });
  (await alone.loader.lease(pinned))[Symbol.dispose]();
  await alone.loader.engine(b);
  assertEquals(alone.states(pinned, b), ["unloaded", "loaded"]);
});

Deno.test("a model in use is unloaded when its requests are done, later requests load it again", async () => {
  const { loader, states, loaded, logged } = setUp({ maxModels: 1 });
  const answering = await loader.lease(a);
  const next = loader.lease(b);
  await settle();
  assertEquals([states(b), loaded], [["loading"], ["a"]]);
  assertEquals(logged, [
    "Unloading a when its requests are done: b would exceed the limit of one loaded model",
  ]);
  const again = loader.lease(a);
  await settle();
  assertEquals(loaded, ["a"]);
  answering[Symbol.dispose]();
  const lease = await next;
  assertEquals(loaded, ["a", "b"]);
  lease[Symbol.dispose]();
  assert((await again).engine !== answering.engine);
  assertEquals([loaded, states(a, b)], [["a", "b", "a"], ["loaded", "unloaded"]]);
});

Deno.test("a cancelled wait for memory admits the next model", async () => {
  const { loader, loaded } = setUp({ maxModels: 1 });
  const answering = await loader.lease(a);
  const controller = new AbortController();
  const cancelled = loader.lease(b, controller.signal);
  const waiting = loader.lease(c);
  await settle();
  controller.abort();
  await assertRejects(() => cancelled, ShimmyError, "cancelled");
  answering[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  assertEquals(loaded, ["a", "c"]);
});

Deno.test("only as many models are unloaded as the new model needs", async () => {
  const models = [40, 50, 30].map((size, i) => entryDouble(`m${i}`, { size }));
  const [first, second, third] = models as [ModelEntry, ModelEntry, ModelEntry];
  const { clock, loader, states, logged } = setUp({}, 100);
  for (const entry of [first, second]) {
    (await loader.lease(entry))[Symbol.dispose]();
    await clock.pass(1);
  }
  assertEquals(states(...models), ["loaded", "loaded", "unloaded"]);
  assertEquals(loader.state(first).use?.bytes, 40);
  await loader.engine(third);
  assertEquals(states(...models), ["unloaded", "loaded", "loaded"]);
  assertEquals(logged.length, 1);
});

Deno.test("mapped files count as used although the system reports their memory as available", async () => {
  const models = [entryDouble("m0", { size: 60 }), entryDouble("m1", { size: 60 })];
  const { loader, states } = setUp({
    memory: mainMemory(({ size }) => size, () => 100),
  });
  await loader.engine(models[0]!);
  await loader.engine(models[1]!);
  assertEquals(states(...models), ["unloaded", "loaded"]);
});

Deno.test("a model that is larger than the memory is loaded with a log line", async () => {
  const huge = entryDouble("huge", { size: 2 ** 40 });
  const { loader, states, logged } = setUp({
    memory: mainMemory(({ size }) => size, () => 2 ** 30),
  });
  await loader.engine(huge);
  assertEquals(states(huge), ["loaded"]);
  assertEquals(logged, [
    "huge needs 1024.0 GiB of memory, but only 1.0 GiB are free; no model is left to unload, " +
    "loading it anyway",
  ]);
});

Deno.test("a failed memory estimate fails its load and not later loads", async () => {
  const { loader, states } = setUp({
    memory: mainMemory(
      ({ name }) => name === "a" ? Promise.reject(new ShimmyError("backend", "no head")) : 1,
      () => 10,
    ),
  });
  await assertRejects(() => loader.engine(a), ShimmyError, "no head");
  await loader.engine(b);
  assertEquals(states(a, b), ["failed", "loaded"]);
});

Deno.test("an explicit unload is immediate, even if a pending unload waits for requests", async () => {
  const { loader, states } = setUp({ maxModels: 1 });
  const answering = await loader.lease(a);
  const next = loader.lease(b);
  await settle();
  assertEquals(await loader.unload(a), true);
  (await next)[Symbol.dispose]();
  assertEquals(states(a, b), ["unloaded", "loaded"]);
  answering[Symbol.dispose]();
});

Deno.test("a model with outdated settings is unloaded when its requests are done", async () => {
  const { loader, states } = setUp();
  const old = await loader.lease(a);
  await loader.engine(b);
  const changed = { ...a, settings: { contextLength: 512 } };
  loader.reconfigure(KEEP_ALL, [changed]);
  assertEquals(states(a, b, changed), ["loaded", "unloaded", "unloaded"]);
  const lease = await loader.lease(changed);
  assert(lease.engine !== old.engine);
  old[Symbol.dispose]();
  assertEquals(states(a, changed), ["unloaded", "loaded"]);
});

Deno.test("a new default timeout applies to models that are already idle", async () => {
  const { clock, loader, states } = setUp();
  (await loader.lease(a))[Symbol.dispose]();
  loader.reconfigure({ ...KEEP_ALL, keepAlive: 1000 }, [a]);
  await clock.pass(1000);
  assertEquals(states(a), ["unloaded"]);
});

Deno.test("disposal cancels every timer and does not wait for requests", async () => {
  const { clock, loader } = setUp({ keepAlive: MINUTE, maxModels: 2 });
  (await loader.lease(a))[Symbol.dispose]();
  await loader.lease(b);
  await loader[Symbol.asyncDispose]();
  assertEquals(clock.pending, 0);
  await assertRejects(() => loader.lease(a), ShimmyError, "shutting down");
});

Deno.test("the state of a failed model has the time of the next attempt", async () => {
  const clock = new ClockDouble();
  const loader = new ModelLoader({
    load: () => Promise.reject(new ShimmyError("backend", "broken")),
    clock,
  });
  for (let i = 0; i < 2; i++) await assertRejects(() => loader.lease(a), ShimmyError, "broken");
  assertEquals(loader.state(a), {
    state: "failed",
    progress: 0,
    error: "broken",
    engine: null,
    retryMs: 1000,
  });
  await clock.pass(1000);
  assertEquals("retryMs" in loader.state(a), false);
});

Deno.test("a model that hangs again and again is loaded when its back-off has passed", async () => {
  const clock = new ClockDouble();
  const engines: EngineDouble[] = [];
  const loader = new ModelLoader({
    load: () => {
      const engine = new EngineDouble();
      engines.push(engine);
      return Promise.resolve(engine);
    },
    clock,
  });
  (await loader.lease(a))[Symbol.dispose]();
  const hang = async () => {
    engines.at(-1)!.die("The model's process does not respond");
    await settle();
  };
  await hang();
  assertEquals([engines.length, loader.state(a).state], [2, "loaded"]);
  await hang();
  assertEquals([engines.length, loader.state(a).state], [2, "failed"]);
  await clock.pass(999);
  assertEquals(engines.length, 2);
  await clock.pass(1);
  assertEquals([engines.length, loader.state(a).state], [3, "loaded"]);
  // Nobody waits for a model after the shutdown.
  await hang();
  await loader[Symbol.asyncDispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("a preloaded model is loaded again when its RPC workers answer", async () => {
  const loads = [[true, "Worker a:1 cannot"], [true, "No"], [false, "Worker a:1"]] as const;
  for (const [isPreload, reason] of loads) {
    const clock = new ClockDouble();
    let isAway = true;
    let attempts = 0;
    const loader = new ModelLoader({
      load: () => {
        attempts++;
        if (isAway) return Promise.reject(new ShimmyError("backend", reason));
        return Promise.resolve(new EngineDouble());
      },
      clock,
    });
    await assertRejects(
      () => isPreload ? loader.preload(a) : loader.engine(a),
      ShimmyError,
      reason,
    );
    const isAwaited = isPreload && reason.startsWith("Worker");
    // The first attempt after a failure is made at once.
    await settle();
    assertEquals([attempts, loader.state(a).state], [isAwaited ? 2 : 1, "failed"]);
    isAway = false;
    await clock.pass(1000);
    assertEquals([attempts, loader.state(a).state], isAwaited ? [3, "loaded"] : [1, "failed"]);
    await loader[Symbol.asyncDispose]();
    assertEquals(clock.pending, 0);
  }
});

Deno.test("a model that has lost an RPC worker is loaded again, as often as it takes", async () => {
  const clock = new ClockDouble();
  const engines: EngineDouble[] = [];
  let isAway = false;
  const loader = new ModelLoader({
    load: () => {
      if (isAway) return Promise.reject(new ShimmyError("backend", "Worker a:1 cannot be reached"));
      const engine = new EngineDouble();
      engines.push(engine);
      return Promise.resolve(engine);
    },
    clock,
  });
  (await loader.lease(a))[Symbol.dispose]();
  isAway = true;
  engines[0]!.die("An RPC worker of the model does not answer any more: a:1");
  await settle();
  for (const seconds of [1, 2, 4]) {
    assertEquals([engines.length, loader.state(a).state], [1, "failed"]);
    await clock.pass(seconds * 1000);
  }
  isAway = false;
  await clock.pass(8000);
  assertEquals([engines.length, loader.state(a).state], [2, "loaded"]);
  // A model that is not needed any more is not loaded again.
  isAway = true;
  engines[1]!.die("An RPC worker of the model does not answer any more: a:1");
  await settle();
  await loader.unload(a);
  await loader[Symbol.asyncDispose]();
  assertEquals(clock.pending, 0);
});
