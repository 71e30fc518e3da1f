import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ClockDouble, settle } from "../../../tests/doubles/clock.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { mainMemory } from "../../../tests/doubles/memory.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../entry/entry.ts";
import { KEEP_ALL, type LoadPolicy, Loads } from "./loader.ts";

const MINUTE = 60_000;

/** Loads whose engines are doubles that take as many bytes as they are large, on a clock of the test's own. */
function setUp(policy: Partial<LoadPolicy> = {}, bytes?: number) {
  const clock = new ClockDouble();
  const said: string[] = [];
  const loaded: string[] = [];
  let free = bytes ?? 0;
  const memory = mainMemory(({ size }) => size, () => free);
  const loads = new Loads({
    load: (entry) => {
      loaded.push(entry.name);
      free -= entry.size;
      const engine = new EngineDouble();
      engine.closed.then(() => free += entry.size);
      return Promise.resolve(engine);
    },
    policy: { ...KEEP_ALL, ...(bytes === undefined ? {} : { memory }), ...policy },
    clock,
    say: (line) => said.push(line),
  });
  const states = (...entries: ModelEntry[]) => entries.map((entry) => loads.state(entry).state);
  return { clock, said, loaded, loads, states };
}

const [a, b, c] = ["a", "b", "c"].map((name) => entryDouble(name)) as [
  ModelEntry,
  ModelEntry,
  ModelEntry,
];

Deno.test("an idle model is unloaded when its time is over, and one in use is not", async () => {
  const { clock, loads, states, said } = setUp({ keepAlive: 5 * MINUTE });
  const lease = await loads.lease(a);
  await clock.pass(60 * MINUTE);
  assertEquals(states(a), ["loaded"]);
  lease[Symbol.dispose]();
  assertEquals(loads.state(a).use?.expiresInMs, 5 * MINUTE);
  await clock.pass(5 * MINUTE - 1);
  assertEquals(states(a), ["loaded"]);
  await clock.pass(1);
  assertEquals(states(a), ["unloaded"]);
  assertEquals(said, ["Unloading a: idle for 5m"]);
  assertEquals(clock.pending, 0);
});

Deno.test("a request begins the time anew", async () => {
  const { clock, loads, states } = setUp({ keepAlive: MINUTE });
  (await loads.lease(a))[Symbol.dispose]();
  await clock.pass(MINUTE - 1);
  (await loads.lease(a))[Symbol.dispose]();
  await clock.pass(MINUTE - 1);
  assertEquals(states(a), ["loaded"]);
  assertEquals(clock.pending, 1);
});

Deno.test("keep_alive 0 unloads with the last answer, and not under another one", async () => {
  const { loads, states } = setUp();
  const one = await loads.lease(a, undefined, 0);
  const two = await loads.lease(a);
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  assertEquals([states(a), loads.state(a).use?.requests], [["loaded"], 1]);
  two[Symbol.dispose]();
  assertEquals(states(a), ["unloaded"]);
  await settle();
});

Deno.test("a request's keep_alive holds until another one says otherwise", async () => {
  const { clock, loads, states } = setUp({ keepAlive: MINUTE });
  (await loads.lease(a, undefined, Infinity))[Symbol.dispose]();
  assertEquals(loads.state(a).use, {
    requests: 0,
    isPinned: true,
    expiresInMs: null,
    bytes: null,
  });
  (await loads.lease(a))[Symbol.dispose]();
  await clock.pass(100 * MINUTE);
  assertEquals(states(a), ["loaded"]);
  (await loads.lease(a, undefined, 2 * MINUTE))[Symbol.dispose]();
  await clock.pass(2 * MINUTE);
  assertEquals(states(a), ["unloaded"]);
});

Deno.test("a model's own settings come before the default", async () => {
  const { clock, loads, states } = setUp({ keepAlive: MINUTE });
  const short = { ...a, settings: { keepAlive: 1000 } };
  const pinned = { ...b, settings: { pinned: true } };
  for (const entry of [short, pinned, c]) (await loads.lease(entry))[Symbol.dispose]();
  await clock.pass(1000);
  assertEquals(states(short, pinned, c), ["unloaded", "loaded", "loaded"]);
  await clock.pass(MINUTE);
  assertEquals(states(short, pinned, c), ["unloaded", "loaded", "unloaded"]);
});

Deno.test("with a default of 0 those who wait for a load still get it", async () => {
  const { clock, loads, states } = setUp({ keepAlive: 0 });
  const engine = await loads.engine(a);
  assertEquals(engine.info.architecture, "double");
  await clock.pass(0);
  assertEquals(states(a), ["unloaded"]);
});

Deno.test("requests that come together load once, and each counts", async () => {
  const { loads, loaded } = setUp();
  const leases = await Promise.all([loads.lease(a), loads.lease(a), loads.lease(a)]);
  assertEquals([loaded, loads.state(a).use?.requests], [["a"], 3]);
  assertStrictEquals(leases[0]!.engine, leases[2]!.engine);
  for (const lease of leases) lease[Symbol.dispose]();
  assertEquals(loads.state(a).use?.requests, 0);
});

Deno.test("the least recently used model makes room for another", async () => {
  const { clock, loads, states, said } = setUp({ maxModels: 2 });
  for (const entry of [a, b, a]) {
    (await loads.lease(entry))[Symbol.dispose]();
    await clock.pass(1);
  }
  await loads.engine(c);
  assertEquals(states(a, b, c), ["loaded", "unloaded", "loaded"]);
  assertEquals(said, ["Unloading b: c is to be loaded, and at most 2 models are at once"]);
});

Deno.test("a pinned model is the last to go", async () => {
  const { clock, loads, states } = setUp({ maxModels: 2 });
  const pinned = { ...a, settings: { pinned: true } };
  for (const entry of [pinned, b]) {
    (await loads.lease(entry))[Symbol.dispose]();
    await clock.pass(1);
  }
  await loads.engine(c);
  assertEquals(states(pinned, b, c), ["loaded", "unloaded", "loaded"]);
  const alone = setUp({ maxModels: 1 });
  (await alone.loads.lease(pinned))[Symbol.dispose]();
  await alone.loads.engine(b);
  assertEquals(alone.states(pinned, b), ["unloaded", "loaded"]);
});

Deno.test("a model that answers is waited for, and what comes for it later loads it anew", async () => {
  const { loads, states, loaded, said } = setUp({ maxModels: 1 });
  const answering = await loads.lease(a);
  const next = loads.lease(b);
  await settle();
  assertEquals([states(b), loaded], [["loading"], ["a"]]);
  assertEquals(said, [
    "Unloading a once its answers are done: b is to be loaded, and at most one model is at once",
  ]);
  const again = loads.lease(a);
  await settle();
  assertEquals(loaded, ["a"]);
  answering[Symbol.dispose]();
  const lease = await next;
  assertEquals(loaded, ["a", "b"]);
  lease[Symbol.dispose]();
  assert((await again).engine !== answering.engine);
  assertEquals([loaded, states(a, b)], [["a", "b", "a"], ["loaded", "unloaded"]]);
});

Deno.test("one who gives up waiting for room leaves it to the next", async () => {
  const { loads, loaded } = setUp({ maxModels: 1 });
  const answering = await loads.lease(a);
  const controller = new AbortController();
  const impatient = loads.lease(b, controller.signal);
  const patient = loads.lease(c);
  await settle();
  controller.abort();
  await assertRejects(() => impatient, ShimmyError, "given up");
  answering[Symbol.dispose]();
  (await patient)[Symbol.dispose]();
  assertEquals(loaded, ["a", "c"]);
});

Deno.test("models go until there is memory for another, and no more than that", async () => {
  const models = [40, 50, 30].map((size, i) => entryDouble(`m${i}`, { size }));
  const [first, second, third] = models as [ModelEntry, ModelEntry, ModelEntry];
  const { clock, loads, states, said } = setUp({}, 100);
  for (const entry of [first, second]) {
    (await loads.lease(entry))[Symbol.dispose]();
    await clock.pass(1);
  }
  assertEquals(states(...models), ["loaded", "loaded", "unloaded"]);
  assertEquals(loads.state(first).use?.bytes, 40);
  await loads.engine(third);
  assertEquals(states(...models), ["unloaded", "loaded", "loaded"]);
  assertEquals(said.length, 1);
});

Deno.test("files that are mapped count although the system calls their memory available", async () => {
  const models = [entryDouble("m0", { size: 60 }), entryDouble("m1", { size: 60 })];
  const { loads, states } = setUp({
    memory: mainMemory(({ size }) => size, () => 100),
  });
  await loads.engine(models[0]!);
  await loads.engine(models[1]!);
  assertEquals(states(...models), ["unloaded", "loaded"]);
});

Deno.test("a model that is larger than the memory is loaded all the same, and it is told", async () => {
  const huge = entryDouble("huge", { size: 2 ** 40 });
  const { loads, states, said } = setUp({
    memory: mainMemory(({ size }) => size, () => 2 ** 30),
  });
  await loads.engine(huge);
  assertEquals(states(huge), ["loaded"]);
  assertEquals(said, [
    "huge needs 1024.0 GiB of memory, and 1.0 GiB are free, and nothing is left to unload; " +
    "loading it all the same",
  ]);
});

Deno.test("a need that cannot be told fails the load and not the loads after it", async () => {
  const { loads, states } = setUp({
    memory: mainMemory(
      ({ name }) => name === "a" ? Promise.reject(new ShimmyError("backend", "no head")) : 1,
      () => 10,
    ),
  });
  await assertRejects(() => loads.engine(a), ShimmyError, "no head");
  await loads.engine(b);
  assertEquals(states(a, b), ["failed", "loaded"]);
});

Deno.test("unloading ends a model at once, also one that was waited for", async () => {
  const { loads, states } = setUp({ maxModels: 1 });
  const answering = await loads.lease(a);
  const next = loads.lease(b);
  await settle();
  assertEquals(await loads.unload(a), true);
  (await next)[Symbol.dispose]();
  assertEquals(states(a, b), ["unloaded", "loaded"]);
  answering[Symbol.dispose]();
});

Deno.test("what is loaded with other settings goes when its answers are done", async () => {
  const { loads, states } = setUp();
  const old = await loads.lease(a);
  await loads.engine(b);
  const changed = { ...a, settings: { contextLength: 512 } };
  loads.reconfigure(KEEP_ALL, [changed]);
  assertEquals(states(a, b, changed), ["loaded", "unloaded", "unloaded"]);
  const lease = await loads.lease(changed);
  assert(lease.engine !== old.engine);
  old[Symbol.dispose]();
  assertEquals(states(a, changed), ["unloaded", "loaded"]);
});

Deno.test("a new default holds for what rests already", async () => {
  const { clock, loads, states } = setUp();
  (await loads.lease(a))[Symbol.dispose]();
  loads.reconfigure({ ...KEEP_ALL, keepAlive: 1000 }, [a]);
  await clock.pass(1000);
  assertEquals(states(a), ["unloaded"]);
});

Deno.test("disposing calls every timer off and waits for no answer", async () => {
  const { clock, loads } = setUp({ keepAlive: MINUTE, maxModels: 2 });
  (await loads.lease(a))[Symbol.dispose]();
  await loads.lease(b);
  await loads[Symbol.asyncDispose]();
  assertEquals(clock.pending, 0);
  await assertRejects(() => loads.lease(a), ShimmyError, "shutting down");
});

Deno.test("a model that fails says when it is tried again", async () => {
  const clock = new ClockDouble();
  const loads = new Loads({
    load: () => Promise.reject(new ShimmyError("backend", "broken")),
    clock,
  });
  for (let i = 0; i < 2; i++) await assertRejects(() => loads.lease(a), ShimmyError, "broken");
  assertEquals(loads.state(a), {
    state: "failed",
    progress: 0,
    error: "broken",
    engine: null,
    retryMs: 1000,
  });
  await clock.pass(1000);
  assertEquals("retryMs" in loads.state(a), false);
});
