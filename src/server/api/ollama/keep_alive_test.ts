import { assertEquals, assertThrows } from "@std/assert";
import { EngineDouble } from "../../../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../../../tests/doubles/pool.ts";
import { ShimmyError } from "../../../errors.ts";
import { parse } from "../../body.ts";
import { keepAlive, unloadIdle, unloadsAfter } from "./keep_alive.ts";

for (const value of [0, "0", "0s", "0m", "-0", "0h0m0s", "0.0s"]) {
  Deno.test(`keep_alive ${JSON.stringify(value)} unloads`, () => {
    assertEquals(unloadsAfter(parse(keepAlive, value)), true);
  });
}

for (const value of [-1, 300, 0.5, "5m", "-1s", "1h30m", "100ms", ".5s", null, undefined]) {
  Deno.test(`keep_alive ${JSON.stringify(value)} keeps the model`, () => {
    assertEquals(unloadsAfter(parse(keepAlive, value)), false);
  });
}

for (const value of ["soon", "5", "5 minutes", "m", "", true]) {
  Deno.test(`keep_alive ${JSON.stringify(value)} is refused`, () => {
    assertThrows(() => parse(keepAlive, value), ShimmyError, "must be seconds as a number");
  });
}

Deno.test("a model is unloaded only when nobody else's answer is being made", async () => {
  const engine = new EngineDouble();
  const entry = entryDouble("double");
  const pool = new PoolDouble({ entry, engine });
  await pool.engine(entry);
  const other = engine.generate({ prompt: [], maxTokens: null, sampling: {}, stop: [] });
  const events = other[Symbol.asyncIterator]();
  await events.next();
  await unloadIdle(pool, entry, engine);
  assertEquals(pool.state(entry).state, "loaded");
  await events.return!();
  await unloadIdle(pool, entry, engine);
  assertEquals(pool.state(entry).state, "unloaded");
});
