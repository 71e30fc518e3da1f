import { assertEquals } from "@std/assert";
import { post, serverDouble } from "../../../tests/doubles/context.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../../tests/doubles/pool.ts";
import type { ModelEntry } from "../../models/entry/entry.ts";
import { resolveForKind } from "./model_names.ts";

Deno.test("a model's name with an adapter's answers with that adapter, and loads it for itself", async () => {
  const { handler, engine } = serverDouble();
  const ask = (model: string, more: Record<string, unknown> = {}) =>
    handler(post("/api/generate", { prompt: "Hi", model, ...more }));
  assertEquals((await ask("tiny:pirate")).status, 200);
  const path = "/models/pirate.gguf";
  assertEquals(engine.requests[0]!.loras, [{ name: "pirate", scale: 1, path }]);
  // Requests that choose no adapter do not get it.
  assertEquals((await engine.status()).loras, [{
    name: "pirate",
    kind: "lora",
    scale: 0,
    path,
    digest: "pirate",
  }]);
  await ask("tiny");
  assertEquals(engine.requests[1]!.loras, undefined);
  await ask("tiny:pirate", { lora: [{ name: "pirate", scale: 2 }] });
  assertEquals(engine.requests[2]!.loras, [{ name: "pirate", scale: 2, path }]);
});

Deno.test("a name with an unknown model or adapter is reported as it was written", async () => {
  const { handler } = serverDouble();
  for (const model of ["tiny:nobody", "nobody:pirate", ":pirate", "tiny:"]) {
    const response = await handler(post("/api/generate", { prompt: "Hi", model }));
    const { error } = await response.json();
    assertEquals(response.status, 404, model);
    assertEquals(error.startsWith("Model '"), true, error);
  }
});

Deno.test("without a name a task takes the only model of its kind, or the default model", async () => {
  const chosen = async (kinds: readonly ModelEntry["kind"][], name?: string) => {
    const models = kinds.map((kind, index) => ({
      entry: entryDouble(`${kind}-${index}`, { kind }),
      engine: new EngineDouble(),
    }));
    return (await resolveForKind(new PoolDouble(...models), name, "rerank")).entry.name;
  };
  assertEquals(await chosen(["language", "embedding", "rerank"]), "rerank-2");
  assertEquals(await chosen(["language", "rerank", "rerank"]), "language-0");
  assertEquals(await chosen(["rerank", "rerank"]), "rerank-0");
  assertEquals(await chosen(["language", "embedding"]), "language-0");
  assertEquals(await chosen(["language", "rerank"], "language-0"), "language-0");
});
