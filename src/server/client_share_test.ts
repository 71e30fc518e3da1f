import { assertEquals } from "@std/assert";
import { post, SETTINGS } from "../../tests/doubles/context.ts";
import { EngineDouble } from "../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../tests/doubles/pool.ts";
import { createHandler } from "./app.ts";

Deno.test("the engine knows the client of a request by its address", async () => {
  const engine = new EngineDouble();
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const handler = createHandler({ pool, settings: SETTINGS });
  for (const address of ["192.0.2.1", "2001:db8::1"]) {
    const connection = { address, onDisconnect: () => () => {}, end: () => {} };
    await (await handler(post("/api/generate", { prompt: "Hi" }), connection)).text();
  }
  await (await handler(post("/api/generate", { prompt: "Hi" }))).text();
  assertEquals(engine.requests.map(({ client }) => client), [
    "192.0.2.1",
    "2001:db8::1",
    undefined,
  ]);
});
