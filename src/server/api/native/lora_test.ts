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
  const pirate = (scale: number) =>
    state([{ name: "pirate", kind: "lora", scale, digest: "pirate" }]);
  assertEquals(await change({ name: "pirate" }), [200, pirate(1)]);
  assertEquals(await change({ name: "Pirate", scale: 0.5 }), [200, pirate(0.5)]);
  assertEquals(await (await handler(get("/api/lora"))).json(), pirate(0.5));
  assertEquals(await change({ name: "pirate", unload: true }), [200, state([])]);
  assertEquals((await change({ name: "pirate", unload: true }))[0], 404);
});

Deno.test("an adapter that was not found, a path among them, is refused by name", async () => {
  const { handler } = serverDouble();
  for (const name of ["nobody", "/models/pirate.gguf", "../pirate"]) {
    const response = await handler(post("/api/lora", { name }));
    assertEquals([response.status, await response.json()], [404, {
      error: `Adapter '${name}' not found; available: pirate`,
    }]);
  }
  const response = await handler(post("/api/lora", { name: "pirate", scale: 11 }));
  assertEquals([response.status, await response.json()], [400, {
    error: "scale: must be a number from -10 to 10",
  }]);
});

Deno.test("a request's adapters reach the engine with their files, at a scale of 1 unless given", async () => {
  const { handler, engine } = serverDouble();
  await engine.changeAdapters({ action: "load", name: "other", path: "", scale: 0 });
  const lora = [{ name: "Pirate" }, { name: "other", scale: -0.5 }];
  assertEquals((await handler(post("/api/generate", { prompt: "Hi", lora }))).status, 200);
  assertEquals(engine.requests[0]!.loras, [
    { name: "Pirate", scale: 1, path: "/models/pirate.gguf" },
    { name: "other", scale: -0.5, path: undefined },
  ]);
});

Deno.test("an unknown adapter is refused with the names of the known ones", async () => {
  const { handler, engine } = serverDouble();
  await engine.changeAdapters({ action: "load", name: "other", path: "", scale: 0 });
  const response = await handler(post("/api/generate", { prompt: "Hi", lora: [{ name: "x" }] }));
  assertEquals([response.status, await response.json()], [404, {
    error: "Adapter 'x' not found; available: other, pirate",
  }]);
});

Deno.test("layers are the first and the last, and a scale is a number", async () => {
  const { handler } = serverDouble();
  const refusal = async (change: Record<string, unknown>) => {
    const response = await handler(post("/api/lora", { name: "pirate", ...change }));
    assertEquals(response.status, 400);
    return (await response.json()).error;
  };
  for (const layers of [[1], [1, 2, 3], [1.5, 2], "1-2", [1, "2"]]) {
    const error: string = await refusal({ layers });
    assertEquals(error.startsWith("layers"), true, error);
  }
  for (const scale of ["1", 10.5, -11, true]) {
    assertEquals(await refusal({ scale }), "scale: must be a number from -10 to 10");
  }
});
