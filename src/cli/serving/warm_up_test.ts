import { assertEquals } from "@std/assert";
import { SETTINGS } from "../../../tests/doubles/context.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../../tests/doubles/pool.ts";
import { warmUp } from "./warm_up.ts";

Deno.test("short requests of each dialect run to their end, also on a server with a key", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["a"], endless: true } });
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const settings = { ...SETTINGS, apiKey: "secret", loopbackOnly: true };
  const { signal } = new AbortController();
  // Without a limit that a busy machine would exceed.
  await warmUp({ pool, settings }, "tiny", signal, () => true, 60_000);
  assertEquals(engine.requests.map(({ maxTokens }) => maxTokens), [4, 1, 4, 4, 4]);
  assertEquals(engine.requests.map(({ grammar }) => grammar !== undefined), [
    ...[false, true, false, false, false],
  ]);
  assertEquals(new Set(engine.finished), new Set(["length"]));
  assertEquals(pool.leases, 0);
});

Deno.test("no further request is sent when a client needs the server", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["a"], endless: true } });
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const { signal } = new AbortController();
  await warmUp({ pool, settings: SETTINGS }, "tiny", signal, () => engine.requests.length < 2);
  assertEquals(engine.requests.length, 2);
});

Deno.test("a server that stops cancels the request", async () => {
  const gate = Promise.withResolvers<void>();
  await using engine = new EngineDouble({ beforeToken: () => gate.promise });
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const controller = new AbortController();
  const warming = warmUp({ pool, settings: SETTINGS }, "tiny", controller.signal);
  while (engine.running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  controller.abort();
  gate.resolve();
  await warming;
  assertEquals(engine.finished, ["cancelled"]);
});

Deno.test("a request that does not end in time is cancelled", async () => {
  const gate = Promise.withResolvers<void>();
  await using engine = new EngineDouble({ beforeToken: () => gate.promise });
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const { signal } = new AbortController();
  // Longer than a busy machine takes until the request is with the engine.
  const warming = warmUp({ pool, settings: SETTINGS }, "tiny", signal, () => true, 1500);
  while (engine.controls.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(engine.controls, [{ type: "cancel" }]);
  gate.resolve();
  await warming;
  assertEquals(engine.finished, ["cancelled"]);
});
