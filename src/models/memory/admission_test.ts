import { assertEquals } from "@std/assert";
import { ClockDouble, settle } from "../../../tests/doubles/clock.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { MAIN_MEMORY } from "./memory_requirement.ts";
import type { ModelEntry } from "../entry/entry.ts";
import { KEEP_ALL, Loads } from "../registry/loader.ts";

const GIB = 2 ** 30;
/** A model of the CPU's; the others are on the device. */
const HOST = "host";

/**
 * Loads on a machine with a device of 10 GiB and main memory of 10 GiB. A model that may have fewer
 * layers there takes what is free.
 */
function machine({ canShrink }: { canShrink: boolean }) {
  const clock = new ClockDouble();
  const said: string[] = [];
  const free = { device: 10 * GIB, main: 10 * GIB };
  const surveys: string[] = [];
  const held: number[] = [];
  const gate = { open: Promise.resolve() };
  const loads = new Loads({
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
        survey: ({ name, size }, { fewer, held: bytes }) => {
          held.push(bytes.get("GPU0") ?? 0);
          surveys.push(`${name}${fewer ? ", fewer layers" : ""}`);
          const onDevice = name.startsWith(HOST) ? 0 : fewer ? Math.min(size, free.device) : size;
          return Promise.resolve({
            canShrink,
            demands: [
              { memory: "GPU0", need: onDevice, free: free.device },
              { memory: MAIN_MEMORY, need: size - onDevice, free: free.main },
            ].filter(({ need }) => need > 0),
          });
        },
      },
    },
    clock,
    say: (line) => said.push(line),
  });
  const use = async (...entries: ModelEntry[]) => {
    for (const entry of entries) {
      (await loads.lease(entry))[Symbol.dispose]();
      await clock.pass(1);
    }
  };
  const states = (...entries: ModelEntry[]) => entries.map((entry) => loads.state(entry).state);
  return { loads, use, states, said, surveys, held, gate };
}

function model(name: string, gigabytes: number, values: Partial<ModelEntry> = {}): ModelEntry {
  return entryDouble(name, { size: gigabytes * GIB, ...values });
}

const [a, b, c] = [model("a", 4), model("b", 5), model("c", 4)];
const host = model(HOST, 3);

Deno.test("the least recently used model on the device makes room there, and none of the CPU's", async () => {
  for (const canShrink of [true, false]) {
    const { use, states, said, loads } = machine({ canShrink });
    await use(host, a, b);
    assertEquals(states(host, a, b), ["loaded", "loaded", "loaded"]);
    await use(c);
    assertEquals(states(host, a, b, c), ["loaded", "unloaded", "loaded", "loaded"]);
    assertEquals(said, ["Unloading a: c needs 4.0 GiB on GPU0, and 1.0 GiB may be used there"]);
    assertEquals(loads.state(c).use?.bytes, 4 * GIB);
  }
});

Deno.test("whoever looks at a device is told what loaded models have of it", async () => {
  const { use, loads, held } = machine({ canShrink: true });
  await use(a, b, host, c);
  assertEquals(held, [0, 4 * GIB, 9 * GIB, 9 * GIB, 5 * GIB]);
  assertEquals([...loads.onDevices], [["GPU0", 9 * GIB]]);
});

Deno.test("for want of main memory the models of the device stay", async () => {
  const { use, states } = machine({ canShrink: true });
  const large = model(`${HOST}-large`, 8);
  await use(a, host, large);
  assertEquals(states(a, host, large), ["loaded", "unloaded", "loaded"]);
});

Deno.test("where models of the device answer, another one has fewer layers there", async () => {
  const { loads, states, said, surveys } = machine({ canShrink: true });
  using _answering = await loads.lease(a);
  const wide = model("wide", 9);
  using lease = await loads.lease(wide);
  assertEquals(lease.engine.info.placement[0]!.weightBytes, 6 * GIB);
  assertEquals(states(a, wide), ["loaded", "loaded"]);
  assertEquals(said, [
    "wide needs 9.0 GiB on GPU0, and 6.0 GiB may be used there; as many of its layers go there as fit",
  ]);
  assertEquals(surveys, ["a", "wide", "wide, fewer layers"]);
  assertEquals(loads.state(wide).use?.bytes, 9 * GIB);
});

Deno.test("a pinned model stays on the device, and idle ones go before layers do", async () => {
  const { use, states, said } = machine({ canShrink: true });
  const pinned = { ...a, settings: { pinned: true } };
  const wide = model("wide", 9);
  await use(pinned, b, wide);
  assertEquals(states(pinned, b, wide), ["loaded", "unloaded", "loaded"]);
  assertEquals(said, [
    "Unloading b: wide needs 9.0 GiB on GPU0, and 1.0 GiB may be used there",
    "wide needs 9.0 GiB on GPU0, and 6.0 GiB may be used there; as many of its layers go there as fit",
  ]);
});

Deno.test("what fewer layers leave to the CPU must have room in main memory", async () => {
  const { loads, use, states } = machine({ canShrink: true });
  const other = model(`${HOST}-other`, 4);
  await use(host, other);
  using _answering = await loads.lease(a);
  const huge = model("huge", 11);
  await use(huge);
  assertEquals(states(host, other, a, huge), ["unloaded", "loaded", "loaded", "loaded"]);
});

Deno.test("with layers that were asked for, a model waits until answers are done", async () => {
  const { loads, states, said } = machine({ canShrink: false });
  const answering = await loads.lease(a);
  const wide = model("wide", 9);
  const next = loads.lease(wide);
  await settle();
  assertEquals(states(wide), ["loading"]);
  assertEquals(said, [
    "Unloading a once its answers are done: wide needs 9.0 GiB on GPU0, and 6.0 GiB may be used there",
  ]);
  answering[Symbol.dispose]();
  (await next)[Symbol.dispose]();
  assertEquals(states(a, wide), ["unloaded", "loaded"]);
});

Deno.test("while a model is being loaded, what is free on its device is waited for", async () => {
  const { loads, gate, said, surveys } = machine({ canShrink: true });
  const loading = Promise.withResolvers<void>();
  gate.open = loading.promise;
  const first = loads.lease(a);
  const second = loads.lease(model("wide", 8));
  await settle();
  assertEquals(surveys, ["a", "wide"]);
  loading.resolve();
  using _a = await first;
  using wide = await second;
  assertEquals(surveys, ["a", "wide", "wide", "wide, fewer layers"]);
  assertEquals(wide.engine.info.placement[0]!.weightBytes, 6 * GIB);
  assertEquals(said.length, 1);
});

Deno.test("a model larger than the device is not told of others, as there are none", async () => {
  const shrinking = machine({ canShrink: true });
  await shrinking.use(model("huge", 12));
  assertEquals(shrinking.said, []);
  const asked = machine({ canShrink: false });
  await asked.use(model("huge", 12));
  assertEquals(asked.said, [
    "huge needs 12.0 GiB on GPU0, and 10.0 GiB may be used there, and nothing is left to unload; " +
    "loading it all the same",
  ]);
});
