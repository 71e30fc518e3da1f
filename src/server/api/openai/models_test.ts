import { assertEquals } from "@std/assert";
import { serverDouble } from "../../../../tests/doubles/server.ts";
import { openaiRoutes } from "./mod.ts";

Deno.test("a model has its context length, capabilities and state", async () => {
  const { request } = serverDouble({
    routes: openaiRoutes,
    engine: { info: { contextLength: 512 } },
  });
  const before = await (await request("/v1/models")).json();
  assertEquals(before.object, "list");
  assertEquals(before.data, [{
    id: "double",
    object: "model",
    created: 0,
    owned_by: "shimmy",
    context_length: 1024,
    loaded: false,
    capabilities: {
      completion: true,
      tools: true,
      reasoning: false,
      vision: false,
      audio: false,
      embeddings: false,
      rerank: false,
    },
    architecture: "double",
    quantization: "F32",
    parameters: 1,
    size: 4,
  }]);
  await (await request("/v1/completions", { prompt: "Hello" })).text();
  const after = await (await request("/v1/models/double")).json();
  assertEquals(after.loaded, true);
  assertEquals(after.context_length, 512);
  assertEquals(after.capabilities.reasoning, true);
});

Deno.test("a model with a projector has vision", async () => {
  const { request } = serverDouble({ routes: openaiRoutes, entry: { projector: "mmproj.gguf" } });
  const { data } = await (await request("/v1/models")).json();
  assertEquals(data[0].capabilities.vision, true);
});

Deno.test("a model is listed with its loaded adapters, and found by the combined name", async () => {
  const { request, engine } = serverDouble({ routes: openaiRoutes });
  const names = async () => {
    const { data } = await (await request("/v1/models")).json();
    return data.map(({ id, parent }: { id: string; parent?: string }) => [id, parent]);
  };
  assertEquals(await names(), [["double", undefined]]);
  const named = await (await request("/v1/models/double:pirate")).json();
  assertEquals([named.id, named.parent], ["double:pirate", "double"]);
  await (await request("/v1/completions", { model: "double:pirate", prompt: "Hello" })).text();
  assertEquals(engine.adapters.map(({ scale }) => scale), [0]);
  assertEquals(await names(), [["double", undefined], ["double:pirate", "double"]]);
});

Deno.test("a model that is not there is 404", async () => {
  const { request } = serverDouble({ routes: openaiRoutes });
  const response = await request("/v1/models/gpt-5");
  assertEquals(response.status, 404);
  assertEquals((await response.json()).error.code, "model_not_found");
});
