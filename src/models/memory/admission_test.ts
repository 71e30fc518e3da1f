import { assertEquals } from "@std/assert";
import { ClockDouble, settle } from "../../../tests/doubles/clock.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { MAIN_MEMORY } from "./memory_requirement.ts";
import type { ModelEntry } from "../entry/entry.ts";
import { KEEP_ALL } from "../registry/load_policy.ts";
import { ModelLoader } from "../registry/loader.ts";

const GIB = 2 ** 30;
/** A model on the CPU. The others are on the device. */
const HOST = "host";

/**
 * A loader on a machine with a device of 10 GiB and 10 GiB of main memory. A model that may offload
 * fewer layers uses the free memory of the device.
 */
function machine({ canOffloadLess }: { canOffloadLess: boolean }) {
  const clock = new ClockDouble();
  const logged: string[] = [];
  const free = { device: 10 * GIB, main: 10 * GIB };
  const estimates: string[] = [];
  const held: number[] = [];
  const gate = { open: Promise.resolve() };
  const loader = new ModelLoader({
    load: async (entry) => {
      await gate.open;
      const isHost = entry.name.startsWith(HOST);
      const size = isHost ? 0 : Math.min(entry.size, free.device);
      const rest = entry.size - size;
      free.device -= size;
      free.main -= rest;
      const engine = new EngineDouble({
        info: {
          devices: isHost ? [] : [{
            name: "GPU0",
            description: "a double",
            kind: "gpu",
            backend: "double",
            memoryFree: free.device,
            memoryTotal: 10 * GIB,
          }],
          placement: isHost ? [] : [
            { device: "GPU0", layers: 1, weightBytes: size, kvBytes: 0, computeBytes: null },
          ],
        },
      });
      engine.closed.then(() => {
        free.device += size;
        free.main += rest;
      });
      return engine;
    },
    policy: {
      ...KEEP_ALL,
      memory: {
        available: () => free.main,
        estimate: ({ name, size }, { fitLayers, onDevices: bytes }) => {
          held.push(bytes.get("GPU0") ?? 0);
          estimates.push(`${name}${fitLayers ? ", fewer layers" : ""}`);
          const onDevice = name.startsWith(HOST)
            ? 0
            : fitLayers
            ? Math.min(size, free.device)
            : size;
          return Promise.resolve({
            canOffloadLess,
            requirements: [
              { memory: "GPU0", required: onDevice, free: free.device },
              { memory: MAIN_MEMORY, required: size - onDevice, free: free.main },
            ].filter(({ required }) => required > 0),
          });
        },
      },
    },
    clock,
    log: (line) => logged.push(line),
  });
  const use = async (...entries: ModelEntry[]) => {
    for (const entry of entries) {
      (await loader.lease(entry))[Symbol.dispose]();
      await clock.pass(1);
    }
  };
  const states = (...entries: ModelEntry[]) => entries.map((entry) => loader.state(entry).state);
  return { loader, use, states, logged, estimates, held, gate };
}

function model(name: string, gigabytes: number, values: Partial<ModelEntry> = {}): ModelEntry {
  return entryDouble(name, { size: gigabytes * GIB, ...values });
}

const [a, b, c] = [model("a", 4), model("b", 5), model("c", 4)];
const host = model(HOST, 3);

Deno.test("only the least recently used model on the device is unloaded, none on the CPU", async () => {
  for (const canOffloadLess of [true, false]) {
    const { use, states, logged, loader } = machine({ canOffloadLess });
    await use(host, a, b);
    assertEquals(states(host, a, b), ["loaded", "loaded", "loaded"]);
    await use(c);
    assertEquals(states(host, a, b, c), ["loaded", "unloaded", "loaded", "loaded"]);
    assertEquals(logged, [
      "Unloading a: c needs 4.0 GiB on GPU0, but only 1.0 GiB are available there",
    ]);
    assertEquals(loader.state(c).use?.bytes, 4 * GIB);
  }
});

Deno.test("an estimate gets the bytes of loaded models on the device", async () => {
  const { use, loader, held } = machine({ canOffloadLess: true });
  await use(a, b, host, c);
  assertEquals(held, [0, 4 * GIB, 9 * GIB, 9 * GIB, 5 * GIB]);
  assertEquals([...loader.onDevices], [["GPU0", 9 * GIB]]);
});

Deno.test("if main memory is short, models on the device stay", async () => {
  const { use, states } = machine({ canOffloadLess: true });
  const large = model(`${HOST}-large`, 8);
  await use(a, host, large);
  assertEquals(states(a, host, large), ["loaded", "unloaded", "loaded"]);
});

Deno.test("if models on the device are in use, the new model offloads fewer layers", async () => {
  const { loader, states, logged, estimates } = machine({ canOffloadLess: true });
  using _answering = await loader.lease(a);
  const wide = model("wide", 9);
  using lease = await loader.lease(wide);
  assertEquals(lease.engine.info.placement[0]!.weightBytes, 6 * GIB);
  assertEquals(states(a, wide), ["loaded", "loaded"]);
  assertEquals(logged, [
    "wide needs 9.0 GiB on GPU0, but only 6.0 GiB are available there; offloading as many layers as fit",
  ]);
  assertEquals(estimates, ["a", "wide", "wide, fewer layers"]);
  assertEquals(loader.state(wide).use?.bytes, 9 * GIB);
});

Deno.test("idle models are unloaded before fewer layers are offloaded, a pinned model stays", async () => {
  const { use, states, logged } = machine({ canOffloadLess: true });
  const pinned = { ...a, settings: { pinned: true } };
  const wide = model("wide", 9);
  await use(pinned, b, wide);
  assertEquals(states(pinned, b, wide), ["loaded", "unloaded", "loaded"]);
  assertEquals(logged, [
    "Unloading b: wide needs 9.0 GiB on GPU0, but only 1.0 GiB are available there",
    "wide needs 9.0 GiB on GPU0, but only 6.0 GiB are available there; offloading as many layers as fit",
  ]);
});

Deno.test("layers that are not offloaded must fit in main memory", async () => {
  const { loader, use, states } = machine({ canOffloadLess: true });
  const other = model(`${HOST}-other`, 4);
  await use(host, other);
  using _answering = await loader.lease(a);
  const huge = model("huge", 11);
  await use(huge);
  assertEquals(states(host, other, a, huge), ["unloaded", "loaded", "loaded", "loaded"]);
});

Deno.test("with a fixed number of layers, a model waits until requests are done", async () => {
  const { loader, states, logged } = machine({ canOffloadLess: false });
  const answering = await loader.lease(a);
  const wide = model("wide", 9);
  const next = loader.lease(wide);
  await settle();
  assertEquals(states(wide), ["loading"]);
  assertEquals(logged, [
    "Unloading a when its requests are done: wide needs 9.0 GiB on GPU0, but only 6.0 GiB are available there",
  ]);
  answering[Symbol.dispose]();
  (await next)[Symbol.dispose]();
  assertEquals(states(a, wide), ["unloaded", "loaded"]);
});

Deno.test("admission waits for a model that is loading on the same device", async () => {
  const { loader, gate, logged, estimates } = machine({ canOffloadLess: true });
  const loading = Promise.withResolvers<void>();
  gate.open = loading.promise;
  const first = loader.lease(a);
  const second = loader.lease(model("wide", 8));
  await settle();
  assertEquals(estimates, ["a", "wide"]);
  loading.resolve();
  using _a = await first;
  using wide = await second;
  assertEquals(estimates, ["a", "wide", "wide", "wide, fewer layers"]);
  assertEquals(wide.engine.info.placement[0]!.weightBytes, 6 * GIB);
  assertEquals(logged.length, 1);
});

Deno.test("a model larger than the device is loaded with a log line", async () => {
  const shrinking = machine({ canOffloadLess: true });
  await shrinking.use(model("huge", 12));
  assertEquals(shrinking.logged, []);
  const asked = machine({ canOffloadLess: false });
  await asked.use(model("huge", 12));
  assertEquals(asked.logged, [
    "huge needs 12.0 GiB on GPU0, but only 10.0 GiB are available there; no model is left to unload, " +
    "loading it anyway",
  ]);
});
