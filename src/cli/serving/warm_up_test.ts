import { assertEquals } from "@std/assert";
import { SETTINGS } from "../../../tests/doubles/context.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../../tests/doubles/pool.ts";
import { warmUp } from "./warm_up.ts";

Deno.test("one short request runs to its end, also on a server with a key", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["a"], endless: true } });
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const settings = { ...SETTINGS, apiKey: "secret", loopbackOnly: true };
  await warmUp({ pool, settings }, "tiny", new AbortController().signal);
  assertEquals(engine.requests.map(({ maxTokens }) => maxTokens), [4]);
  assertEquals(engine.finished, ["length"]);
  assertEquals(pool.leases, 0);
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
  const warming = warmUp({ pool, settings: SETTINGS }, "tiny", signal, 20);
  await new Promise((resolve) => setTimeout(resolve, 100));
  gate.resolve();
  await warming;
  assertEquals(engine.finished, ["cancelled"]);
});
