import { assertEquals } from "@std/assert";
import { get, post, serverDouble } from "../../../../tests/doubles/context.ts";

Deno.test("an adapter is loaded, rescaled and unloaded by its name", async () => {
  const { handler } = serverDouble();
  const change = async (body: unknown) => {
    const response = await handler(post("/api/lora", body));
    return [response.status, await response.json()];
  };
  const state = (adapters: unknown) => ({
    model: "tiny",
    loaded: true,
    adapters,
    available: ["pirate"],
  });
  assertEquals(await change({ name: "pirate" }), [200, state([{ name: "pirate", scale: 1 }])]);
  assertEquals(await change({ name: "pirate", scale: 0.5 }), [
    200,
    state([{ name: "pirate", scale: 0.5 }]),
  ]);
  assertEquals(
    await (await handler(get("/api/lora"))).json(),
    state([{ name: "pirate", scale: 0.5 }]),
  );
  assertEquals(await change({ name: "pirate", unload: true }), [200, state([])]);
  assertEquals((await change({ name: "pirate", unload: true }))[0], 404);
});

Deno.test("an adapter that was not found, a path among them, is refused by name", async () => {
  const { handler } = serverDouble();
  for (const name of ["nobody", "/models/pirate.gguf", "../pirate"]) {
    const response = await handler(post("/api/lora", { name }));
    assertEquals([response.status, await response.json()], [404, {
      error: `Adapter '${name}' not found`,
    }]);
  }
  const response = await handler(post("/api/lora", { name: "pirate", scale: 11 }));
  assertEquals([response.status, await response.json()], [400, {
    error: "scale: must be a number from -10 to 10",
  }]);
});

Deno.test("a request's adapters reach the engine, with a scale of 1 unless given", async () => {
  const { handler, engine } = serverDouble();
  const lora = [{ name: "pirate" }, { name: "other", scale: -0.5 }];
  assertEquals((await handler(post("/api/generate", { prompt: "Hi", lora }))).status, 200);
  assertEquals(engine.requests[0]!.loras, [
    { name: "pirate", scale: 1 },
    { name: "other", scale: -0.5 },
  ]);
});
