import { assertEquals } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { createPool } from "./registry.ts";

/** A pool with one model that is loaded with the adapter `own`. */
function start(said: string[] = [], missing: readonly string[] = []) {
  const engines: EngineDouble[] = [];
  const entry = entryDouble("tiny", { loras: [{ path: "own.gguf", scale: 1 }] });
  const pool = createPool({
    discover: () => Promise.resolve({ models: [entry], skipped: [], sources: [] }),
    load: async () => {
      const engine = new EngineDouble({ missing: engines.length === 0 ? [] : missing });
      await engine.changeAdapters({ action: "load", name: "own", path: "own.gguf", scale: 1 });
      engines.push(engine);
      return engine;
    },
    loras: [],
    paths: "found",
    log: (line) => said.push(line),
  });
  const adapters = async () => {
    const { adapters } = await pool.engine(entry);
    return adapters.map(({ name, scale }) => [name, scale]);
  };
  /** A request after which the model is unloaded. */
  const leave = async () => (await pool.lease(entry, undefined, 0))[Symbol.dispose]();
  return { pool, entry, adapters, engines, leave };
}

Deno.test("a reloaded model has the adapters from before the unload", async () => {
  const { pool, entry, adapters, engines, leave } = start();
  await using _pool = pool;
  assertEquals(await adapters(), [["own", 1]]);
  const engine = await pool.engine(entry);
  await engine.changeAdapters({ action: "load", name: "style", path: "style.gguf", scale: 0.5 });
  await engine.changeAdapters({ action: "load", name: "idle", path: "idle.gguf", scale: 0 });
  await engine.changeAdapters({ action: "scale", name: "own", scale: 0 });
  await leave();
  assertEquals(await adapters(), [["own", 0], ["style", 0.5]]);
  await (await pool.engine(entry)).changeAdapters({ action: "unload", name: "own" });
  await leave();
  assertEquals(await adapters(), [["style", 0.5]]);
  assertEquals(engines.length, 3);
});

Deno.test("an explicit unload discards adapter changes", async () => {
  const { pool, entry, adapters } = start();
  await using _pool = pool;
  const engine = await pool.engine(entry);
  await engine.changeAdapters({ action: "load", name: "style", path: "style.gguf", scale: 0.5 });
  await pool.unload(entry);
  assertEquals(await adapters(), [["own", 1]]);
});

Deno.test("a missing adapter is logged, and the model is loaded without it", async () => {
  const said: string[] = [];
  const { pool, entry, adapters, leave } = start(said, ["missing.gguf"]);
  await using _pool = pool;
  const engine = await pool.engine(entry);
  await engine.changeAdapters({ action: "load", name: "style", path: "missing.gguf", scale: 1 });
  await leave();
  assertEquals(await adapters(), [["own", 1]]);
  assertEquals(said, [
    "The adapter 'style' cannot be loaded again: Cannot load adapter 'missing.gguf': file cannot be opened",
  ]);
});
