import { assertEquals, assertStringIncludes } from "@std/assert";
import { get, post, serverDouble } from "../../../tests/doubles/context.ts";
import { PoolDouble } from "../../../tests/doubles/pool.ts";
import type { Handler } from "../http/serve.ts";
import { Metrics } from "./metrics.ts";

async function scrape(handler: Handler): Promise<string> {
  const response = await handler(get("/metrics"));
  assertEquals(response.status, 200);
  assertStringIncludes(response.headers.get("content-type")!, "text/plain; version=0.0.4");
  return await response.text();
}

async function read(handler: Handler, request: Request): Promise<void> {
  await (await handler(request)).text();
}

Deno.test("requests are counted by route and status, never by raw path", async () => {
  const { handler } = serverDouble();
  await read(handler, get("/health"));
  await read(handler, get("/health"));
  await read(handler, get("/api/models/a/status"));
  await read(handler, get("/api/models/b/status"));
  await read(handler, get("/nope/1"));
  const text = await scrape(handler);
  const count = (method: string, route: string, status: number) =>
    `shimmy_http_requests_total{method="${method}",route="${route}",status="${status}"}`;
  assertStringIncludes(text, `${count("GET", "/health", 200)} 2`);
  assertStringIncludes(text, `${count("GET", "/api/models/:name/status", 404)} 2`);
  assertStringIncludes(text, `${count("GET", "unknown", 404)} 1`);
});

Deno.test("tokens, times and ends of answers are counted", async () => {
  const { handler } = serverDouble({ script: { tokens: ["a", "b", "c"] } });
  await read(handler, post("/api/generate", { prompt: "Hi", raw: true }));
  await read(handler, post("/api/generate", { prompt: "Hi", raw: true, stream: true }));
  const text = await scrape(handler);
  for (
    const line of [
      "shimmy_prompt_tokens_total 4",
      "shimmy_completion_tokens_total 6",
      "shimmy_cached_prompt_tokens_total 0",
      'shimmy_answers_total{finish_reason="stop"} 2',
      "shimmy_first_token_seconds_count 2",
      "shimmy_inter_token_seconds_count 4",
      "shimmy_queue_seconds_sum 0.002",
    ]
  ) assertStringIncludes(text, `${line}\n`);
});

Deno.test("a loaded model reports cells and sequences, and none after it is unloaded", async () => {
  const { handler } = serverDouble();
  assertStringIncludes(await scrape(handler), 'shimmy_model_loaded{model="tiny"} 0');
  await read(handler, post("/api/models/tiny/load", ""));
  const loaded = await scrape(handler);
  assertStringIncludes(loaded, 'shimmy_model_loaded{model="tiny"} 1');
  assertStringIncludes(loaded, 'shimmy_kv_cells_total{model="tiny"} 4096');
  assertStringIncludes(loaded, 'shimmy_sequences_queued{model="tiny"} 0');
  await read(handler, post("/api/models/tiny/unload", ""));
  assertEquals((await scrape(handler)).includes('shimmy_kv_cells_total{model="tiny"}'), false);
});

Deno.test("two servers count apart", async () => {
  const one = serverDouble().handler;
  const other = serverDouble().handler;
  await read(one, get("/health"));
  assertStringIncludes(await scrape(one), 'route="/health"');
  assertEquals((await scrape(other)).includes('route="/health"'), false);
});

Deno.test("each model reports its prompts, drafts, evictions and preemptions", async () => {
  const { handler } = serverDouble({
    status: {
      promptTokens: 100,
      cachedTokens: 60,
      completionTokens: 7,
      speculation: "lookup",
      draftedTokens: 20,
      acceptedTokens: 15,
      evictions: 3,
      preemptions: 2,
      sharedCache: {
        ...{
          isReady: true,
          isReachable: true,
          hits: 1,
          misses: 2,
          late: 3,
          readBytes: 4,
          writes: 5,
        },
        ...{ dropped: 6, writtenBytes: 7, failures: 8, notices: [] },
      },
      diskCache: {
        ...{ bytes: 500, files: 2, limitBytes: 900, hits: 4, misses: 5, writes: 6, failures: 1 },
        notices: [],
      },
    },
  });
  await read(handler, post("/api/models/tiny/load", ""));
  // Counters of a model are its own and not added up at each scrape.
  await scrape(handler);
  const text = await scrape(handler);
  for (
    const line of [
      'shimmy_model_prompt_tokens_total{model="tiny",source="computed"} 40',
      'shimmy_model_prompt_tokens_total{model="tiny",source="cached"} 60',
      'shimmy_model_completion_tokens_total{model="tiny"} 7',
      'shimmy_drafted_tokens_total{model="tiny",by="lookup"} 20',
      'shimmy_accepted_draft_tokens_total{model="tiny",by="lookup"} 15',
      'shimmy_cache_evictions_total{model="tiny"} 3',
      'shimmy_preemptions_total{model="tiny"} 2',
      'shimmy_disk_cache_bytes{model="tiny"} 500',
      'shimmy_disk_cache_files{model="tiny"} 2',
      'shimmy_disk_cache_lookups_total{model="tiny",result="hit"} 4',
      'shimmy_disk_cache_lookups_total{model="tiny",result="miss"} 5',
      'shimmy_disk_cache_writes_total{model="tiny"} 6',
      'shimmy_disk_cache_failures_total{model="tiny"} 1',
      'shimmy_shared_cache_reachable{model="tiny"} 1',
      'shimmy_shared_cache_lookups_total{model="tiny",result="hit"} 1',
      'shimmy_shared_cache_lookups_total{model="tiny",result="miss"} 2',
      'shimmy_shared_cache_lookups_total{model="tiny",result="late"} 3',
      'shimmy_shared_cache_writes_total{model="tiny",result="written"} 5',
      'shimmy_shared_cache_writes_total{model="tiny",result="dropped"} 6',
      'shimmy_shared_cache_bytes_total{model="tiny",direction="read"} 4',
      'shimmy_shared_cache_bytes_total{model="tiny",direction="written"} 7',
      'shimmy_shared_cache_failures_total{model="tiny"} 8',
    ]
  ) assertStringIncludes(text, `${line}\n`);
  await read(handler, post("/api/models/tiny/unload", ""));
  assertEquals((await scrape(handler)).includes("shimmy_drafted_tokens_total{"), false);
});

Deno.test("reads at the same time report each figure once", async () => {
  const { handler } = serverDouble({ status: { promptTokens: 100, cachedTokens: 60 } });
  await read(handler, post("/api/models/tiny/load", ""));
  const texts = await Promise.all([1, 2, 3].map(() => scrape(handler)));
  for (const text of texts) {
    assertStringIncludes(text, '{model="tiny",source="cached"} 60\n');
  }
});

Deno.test("a model that reads images counts them", async () => {
  const media = { encoded: 3, reused: 4, encodeMs: 1500, bytes: 600, waiting: 2 };
  const { handler } = serverDouble({ status: { media } });
  await read(handler, post("/api/models/tiny/load", ""));
  await scrape(handler);
  const text = await scrape(handler);
  for (
    const line of [
      'shimmy_media_total{model="tiny",source="encoded"} 3',
      'shimmy_media_total{model="tiny",source="reused"} 4',
      'shimmy_media_seconds_total{model="tiny"} 1.5',
      'shimmy_media_cache_bytes{model="tiny"} 600',
      'shimmy_media_prompts_waiting{model="tiny"} 2',
    ]
  ) assertStringIncludes(text, `${line}\n`);
});

Deno.test("a model that does not draft has no counts of drafts", async () => {
  const { handler } = serverDouble();
  await read(handler, post("/api/models/tiny/load", ""));
  const text = await scrape(handler);
  assertStringIncludes(text, 'shimmy_cache_evictions_total{model="tiny"} 0\n');
  assertEquals(text.includes("shimmy_drafted_tokens_total{"), false);
});

Deno.test("methods that clients make up share one label", async () => {
  const metrics = new Metrics();
  for (const method of ["GET", "POST", "BREW", "__proto__", "x".repeat(1_000)]) {
    metrics.request(method, "unknown", 404);
  }
  const { text } = await metrics.render(new PoolDouble());
  const lines = text.split("\n").filter((line) => line.startsWith("shimmy_http_requests_total"));
  assertEquals(lines.sort(), [
    'shimmy_http_requests_total{method="GET",route="unknown",status="404"} 1',
    'shimmy_http_requests_total{method="POST",route="unknown",status="404"} 1',
    'shimmy_http_requests_total{method="other",route="unknown",status="404"} 3',
  ]);
});
