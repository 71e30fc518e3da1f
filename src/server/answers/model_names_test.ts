import { assertEquals } from "@std/assert";
import { post, serverDouble } from "../../../tests/doubles/context.ts";

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

Deno.test("a name whose model or adapter is not there is not found, as it was written", async () => {
  const { handler } = serverDouble();
  for (const model of ["tiny:nobody", "nobody:pirate", ":pirate", "tiny:"]) {
    const response = await handler(post("/api/generate", { prompt: "Hi", model }));
    const { error } = await response.json();
    assertEquals(response.status, 404, model);
    assertEquals(error.startsWith("Model '"), true, error);
  }
});
