import { assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { serverDouble } from "../../../../tests/doubles/server.ts";

const HELLO = [{ role: "user", content: "Hi" }];

Deno.test("tokens come with their texts, or with bytes of parts of characters", async () => {
  const { request, engine } = serverDouble();
  engine.pieces = () => Promise.resolve([new Uint8Array([104]), new Uint8Array([195])]);
  const answer = await (await request("/tokenize", { content: "hi", with_pieces: true })).json();
  assertEquals(answer.tokens, [{ id: 104, piece: "h" }, { id: 105, piece: [195] }]);
  const mixed = await (await request("/tokenize", { content: [7, "a"] })).json();
  assertEquals(mixed, { tokens: [7, 97] });
});

Deno.test("the form of a body on a shared path selects the dialect, also of errors", async () => {
  const { request } = serverDouble();
  const message = async (body: unknown) => (await (await request("/tokenize", body)).json()).error;
  assertEquals((await message({ content: 7 })).code, 400);
  assertEquals((await message({ prompt: 7 })).code, null);
  assertEquals((await message({})).code, 400);
});

Deno.test("texts are scored in the form of Text Embeddings Inference at every path", async () => {
  const { request } = serverDouble({ entry: { kind: "rerank" } });
  for (const path of ["/rerank", "/reranking", "/v1/rerank", "/v1/reranking"]) {
    const body = { query: "q", texts: ["a", "abc"], top_n: 1, return_text: true };
    assertEquals(await (await request(path, body)).json(), [{ index: 1, score: 3, text: "abc" }]);
    const jina = await (await request(path, { query: "q", documents: ["a", "abc"] })).json();
    assertEquals(jina.results[0], { index: 1, relevance_score: 3 });
  }
  assertEquals((await request("/rerank", { query: "q", texts: [] })).status, 400);
});

Deno.test("embeddings are lists of vectors, scaled as requested", async () => {
  const { request } = serverDouble({ entry: { kind: "embedding" } });
  const ask = async (body: unknown) => await (await request("/embedding", body)).json();
  assertEquals(await ask({ content: "abc" }), [{ index: 0, embedding: [[1, 0, 0, 0]] }]);
  assertEquals((await ask({ input: ["a", [1, 2]], embd_normalize: -1 }))[1].embedding, [[
    2,
    0,
    0,
    0,
  ]]);
  assertAlmostEquals(
    (await ask({ content: "abc", embd_normalize: 0 }))[0].embedding[0][0],
    32760,
    1,
  );
  assertEquals((await ask({ content: [1, "ab"], embd_normalize: -1 }))[0].embedding, [[
    3,
    0,
    0,
    0,
  ]]);
  assertEquals((await ask({})).error.param, "content");
});

Deno.test("models have aliases and tags", async () => {
  const { request } = serverDouble({ entry: { aliases: ["other"] } });
  const { data, models } = await (await request("/models")).json();
  assertEquals([data.length, data[0].id, data[0].aliases], [1, "double", ["double", "other"]]);
  assertEquals(data[0].tags.includes("completion"), true);
  const tagged = serverDouble({ entry: { aliases: ["*"], settings: { tags: ["fim", "small"] } } });
  const [model] = (await (await tagged.request("/models")).json()).data;
  assertEquals([model.tags, model.aliases], [["fim", "small"], ["double"]]);
  assertEquals(models[0].name, "double");
});

Deno.test("properties name the file without its folder, and the default settings", async () => {
  const { request } = serverDouble({ entry: { paths: ["/secret/place/m.gguf"] } });
  const props = await (await request("/props")).json();
  assertEquals([props.model_path, props.total_slots], ["m.gguf", 4]);
  const { n_ctx, params } = props.default_generation_settings;
  assertEquals([n_ctx, params.temperature], [1024, 0.8]);
  assertEquals((await request("/props", {})).status, 501);
});

Deno.test("slots are listed, saved, restored and erased", async () => {
  const { request, engine, send } = serverDouble();
  const slots = await (await request("/slots")).json();
  assertEquals(slots.map(({ id }: { id: number }) => id), [0, 1, 2, 3]);
  assertEquals([slots[0].n_ctx, slots[0].is_processing], [1024, false]);
  const act = async (path: string, body?: unknown) => {
    const response = body === undefined ? await send("POST", path) : await request(path, body);
    return { status: response.status, answer: await response.json() };
  };
  const saved = await act("/slots/1?action=save", { filename: "a.bin" });
  assertEquals([saved.answer.n_saved, saved.answer.n_written], [5, 20]);
  const restored = await act("/slots/2?action=restore", { filename: "a.bin" });
  assertEquals([restored.answer.id_slot, restored.answer.n_restored], [2, 5]);
  assertEquals((await act("/slots/0?action=erase")).answer, { id_slot: 0, n_erased: 5 });
  assertEquals(engine.slotChanges, [
    { action: "save", slot: 1, session: "slot:a.bin" },
    { action: "restore", slot: 2, session: "slot:a.bin" },
    { action: "erase", slot: 0 },
  ]);
  for (
    const path of [
      "/slots/x?action=erase",
      "/slots/0",
      "/slots/0?action=burn",
      "/slots/0?action=save",
    ]
  ) assertEquals((await act(path, {})).status, 400);
  assertEquals((await act("/slots/0?action=save", { filename: "../a" })).status, 400);
});

Deno.test("no slot is free while all are in use, where the client asks for that", async () => {
  const running = { promptTokens: 3, cachedTokens: 1, completionTokens: 2, remainingTokens: 5 };
  const { request } = serverDouble({
    engine: { status: { slots: [{ id: 0, tokens: 4, running }] } },
  });
  const [slot] = await (await request("/slots")).json();
  assertEquals([slot.is_processing, slot.next_token[0].n_decoded], [true, 2]);
  assertEquals((await request("/slots?fail_on_no_slot=1")).status, 503);
});

Deno.test("the scales of adapters are set by id, and those not listed become 0", async () => {
  const { request, engine } = serverDouble();
  for (const name of ["a", "b"]) {
    await engine.changeAdapters({ action: "load", name, path: `/x/${name}.gguf`, scale: 1 });
  }
  const list = async () => await (await request("/lora-adapters")).json();
  assertEquals((await list())[1], {
    ...{ id: 1, path: "b.gguf", scale: 1, task_name: "", prompt_prefix: "" },
  });
  await request("/lora-adapters", [{ id: 1, scale: 0.5 }]);
  assertEquals((await list()).map(({ scale }: { scale: number }) => scale), [0, 0.5]);
  assertEquals((await request("/lora-adapters", [{ id: 2, scale: 1 }])).status, 400);
  await request("/completion", { prompt: "x", lora: [{ id: 0, scale: 0.7 }, { id: 1, scale: 0 }] });
  assertEquals(engine.requests[0]!.loras?.map(({ name, scale }) => [name, scale]), [["a", 0.7]]);
});

Deno.test("OpenAI's routes have their other paths, with this dialect's errors", async () => {
  const { request } = serverDouble();
  const answer = await (await request("/chat/completions", { messages: HELLO })).json();
  assertEquals(answer.object, "chat.completion");
  const refused = await (await request("/chat/completions", { messages: 7 })).json();
  assertEquals([refused.error.code, refused.error.type], [400, "invalid_request_error"]);
  const count = await (await request("/chat/completions/input_tokens", { messages: HELLO })).json();
  assertEquals(count.input_tokens > 0, true);
  assertEquals((await request("/responses", { input: "Hi" })).status, 200);
});

Deno.test("the reasoning of a streamed completion is ended by its id", async () => {
  const gate = Promise.withResolvers<void>();
  const { request, engine } = serverDouble({
    engine: {
      script: { tokens: ["<think>", "a"] },
      beforeToken: (index) => index > 0 ? gate.promise : undefined,
    },
  });
  const path = "/v1/chat/completions/control";
  const end = async (id: string) =>
    await (await request(path, { id, action: "reasoning_end" })).json();
  // The role comes before the first text, which the mark of the reasoning is not.
  const body = { messages: HELLO, stream: true, return_progress: true };
  const response = await request("/v1/chat/completions", body);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const { id } = JSON.parse(value!.split("\n", 1)[0]!.slice("data: ".length));
  assertEquals(await end(id), { success: true });
  assertEquals(engine.controls, [{ type: "end-reasoning" }]);
  gate.resolve();
  while (!(await reader.read()).done);
  const late = await end(id);
  assertEquals(late.success, false);
  assertMatch(late.message, /no running completion/);
  assertEquals((await request(path, { id, action: "other" })).status, 400);
});

Deno.test("more than 128 alternatives beside each token are refused", async () => {
  const { request } = serverDouble();
  for (const field of ["n_probs", "logprobs"]) {
    const refused = await request("/completion", { prompt: "Hi", [field]: 129 });
    assertEquals([refused.status, (await refused.json()).error.message], [
      400,
      `${field}: must be a whole number from 0 to 128`,
    ]);
    const most = await request("/completion", { prompt: "Hi", [field]: 128 });
    assertEquals(most.status, 200);
    await most.body?.cancel();
  }
});
