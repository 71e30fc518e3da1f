import { assert, assertEquals, assertMatch } from "@std/assert";
import { get, post, serverDouble, SETTINGS } from "../../../tests/doubles/context.ts";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { entryDouble, PoolDouble } from "../../../tests/doubles/pool.ts";
import { createHandler } from "../app.ts";
import type { Handler } from "../http/serve.ts";

/** The values of gauges without labels, by name. */
async function gauges(handler: Handler): Promise<Record<string, number>> {
  const text = await (await handler(get("/metrics"))).text();
  const lines = text.matchAll(/^(shimmy_queue_depth|vllm:\w+) (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]));
}

const IDLE = { running: null };
const BUSY = {
  running: { promptTokens: 1, cachedTokens: 0, completionTokens: 1, remainingTokens: 1 },
};

Deno.test("gateways read the queue and the cells in use of all loaded models", async () => {
  const engine = (queued: number, running: number, tokens: number) =>
    new EngineDouble({
      status: {
        ...{ queued, running, cellsTotal: 1000, cellsUsed: 900 },
        // An idle slot keeps a prefix, which is no load.
        slots: [{ id: 0, tokens, ...BUSY }, { id: 1, tokens: 500, ...IDLE }],
      },
    });
  const pool = new PoolDouble(
    { entry: entryDouble("one"), engine: engine(3, 2, 100) },
    { entry: entryDouble("two"), engine: engine(4, 1, 300) },
  );
  const handler = createHandler({ pool, settings: SETTINGS });
  const none = {
    "shimmy_queue_depth": 0,
    "vllm:num_requests_waiting": 0,
    "vllm:num_requests_running": 0,
    "vllm:kv_cache_usage_perc": 0,
    "vllm:gpu_cache_usage_perc": 0,
  };
  assertEquals(await gauges(handler), none);
  for (const name of ["one", "two"]) {
    await (await handler(post(`/api/models/${name}/load`, ""))).body?.cancel();
  }
  assertEquals(await gauges(handler), {
    "shimmy_queue_depth": 7,
    "vllm:num_requests_waiting": 7,
    "vllm:num_requests_running": 3,
    "vllm:kv_cache_usage_perc": 0.2,
    "vllm:gpu_cache_usage_perc": 0.2,
  });
});

Deno.test("gateways read the loaded adapters under the names that requests have for them", async () => {
  const { handler, engine } = serverDouble();
  await (await handler(post("/api/models/tiny/load", ""))).body?.cancel();
  for (const name of ["pirate", "poet"]) {
    await engine.changeAdapters({ action: "load", name, path: `/${name}.gguf`, scale: 1 });
  }
  const before = Math.floor(Date.now() / 1000);
  const text = await (await handler(get("/metrics"))).text();
  const [line, ...more] = text.split("\n").filter((one) =>
    one.startsWith("vllm:lora_requests_info{")
  );
  assertEquals(more, []);
  assertMatch(
    line!,
    /\{max_lora="3",running_lora_adapters="tiny:pirate,tiny:poet",waiting_lora_adapters=""\} \d+$/,
  );
  assertEquals(Number(line!.split(" ").at(-1)) >= before, true);
});

Deno.test("the autoscalers of the packages read metrics that exist", async () => {
  const { handler } = serverDouble();
  const text = await (await handler(get("/metrics"))).text();
  for (const path of ["kubernetes/shimmy.yaml", "helm/shimmy/templates/autoscaler.yaml"]) {
    const file = new URL(`../../../packaging/${path}`, import.meta.url);
    const objects = await Deno.readTextFile(file);
    const names = [...objects.matchAll(/^ +metric:\n +name: (\S+)$/gm)].map(([, name]) => name!);
    assertEquals(names, ["shimmy_queue_depth"], path);
    for (const name of names) assert(text.includes(`\n${name} `), `${name} is not in /metrics`);
  }
});
