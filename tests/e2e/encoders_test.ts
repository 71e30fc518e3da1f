/** Encoders behind the HTTP handler, with the real library. */
import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { decodeBase64 } from "@std/encoding/base64";
import { describe, isModel } from "../../src/models/discovery/describe.ts";
import { createHandler } from "../../src/server/app.ts";
import type { LoadOptions } from "../../src/engine/protocol/mod.ts";
import { PoolDouble } from "../doubles/pool.ts";
import { bertModel, ENCODERS } from "../models/encoders.ts";
import { distance, texts, withModel } from "../support/encoders.ts";
import golden from "../golden/embeddings.json" with { type: "json" };

const SETTINGS = {
  version: "1.2.3",
  apiKey: null,
  corsOrigins: [],
  loopbackOnly: true,
  maxBodyBytes: 1 << 20,
  keepAliveMs: 10_000,
};

interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

type Ask = (path: string, body?: unknown, agent?: string) => Promise<Answer>;

/** Serves a model under the name `m`, described by its file as discovery does. */
async function served(
  model: Uint8Array<ArrayBuffer>,
  use: (ask: Ask, pool: PoolDouble) => Promise<void>,
  changes: Partial<LoadOptions> = {},
): Promise<void> {
  await withModel(model, async (engine, path) => {
    const entry = await describe({ name: "m", qualifier: "", paths: [path] }, "folder");
    assert(isModel(entry));
    const pool = new PoolDouble({ entry, engine });
    const handler = createHandler({ pool, settings: SETTINGS });
    await use(async (path, body, agent = "test") => {
      const response = await handler(
        new Request(`http://127.0.0.1${path}`, {
          method: body === undefined ? "GET" : "POST",
          headers: { "content-type": "application/json", "user-agent": agent },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      return { status: response.status, body: await response.json() };
    }, pool);
  }, changes);
}

const MESSAGES = [{ role: "user", content: "Hello" }];
const SILENCE = "computes embeddings and does not generate text";

/** Every way to ask for text: path, body, user agent, and where the error's sentence stands. */
const GENERATION: readonly [
  string,
  Record<string, unknown>,
  string,
  (body: Answer["body"]) => string,
][] = [
  ["/api/generate", { prompt: "Hello" }, "test", ({ error }) => error],
  ["/api/generate", { messages: MESSAGES }, "test", ({ error }) => error],
  ["/v1/chat/completions", { messages: MESSAGES }, "test", ({ error }) => error.message],
  ["/v1/completions", { prompt: "Hello" }, "test", ({ error }) => error.message],
  ["/v1/responses", { input: "Hello" }, "test", ({ error }) => error.message],
  ["/v1/messages", { messages: MESSAGES, max_tokens: 9 }, "test", ({ error }) => error.message],
  ["/api/chat", { messages: MESSAGES }, "ollama/1", ({ error }) => error],
  ["/api/generate", { prompt: "Hello" }, "ollama/1", ({ error }) => error],
];

Deno.test("a request for text from an encoder gets 400 and the reason, streaming or not", async () => {
  await served(bertModel("mean"), async (ask) => {
    for (const [path, body, agent, sentence] of GENERATION) {
      for (const stream of [false, true]) {
        const answer = await ask(path, { model: "m", ...body, stream }, agent);
        assertEquals(answer.status, 400, `${path} ${agent} ${stream}`);
        const expected = agent.startsWith("ollama") ? '"m" does not support' : SILENCE;
        assertStringIncludes(sentence(answer.body), expected);
      }
    }
    // And it goes on embedding.
    assertEquals((await ask("/v1/embeddings", { model: "m", input: "a" })).status, 200);
  });
});

Deno.test("an encoder's vectors are the same in every dialect, and OpenAI's shape may cut them", async () => {
  await served(bertModel("mean"), async (ask, pool) => {
    const input = ["hello world", "the quick brown fox"];
    const engine = await pool.engine((await pool.list())[0]!);
    const own = await engine.embed(texts(input));
    const expected = own.vectors.map((vector) => [...vector]);
    const floats = (await ask("/v1/embeddings", { model: "m", input })).body;
    const vectors = floats.data.map(({ embedding }: { embedding: number[] }) => embedding);
    assertEquals(vectors, expected);
    const count = own.tokens.reduce((sum, tokens) => sum + tokens, 0);
    assertEquals(floats.usage, { prompt_tokens: count, total_tokens: count });
    const coded = await ask("/v1/embeddings", { model: "m", input, encoding_format: "base64" });
    const first = decodeBase64(coded.body.data[0].embedding);
    assertEquals([...new Float32Array(first.buffer)], expected[0]);
    const short = (await ask("/v1/embeddings", { model: "m", input, dimensions: 8 })).body;
    for (const [index, { embedding }] of short.data.entries()) {
      const kept = expected[index]!.slice(0, 8);
      const length = Math.hypot(...kept);
      assertEquals(embedding.length, 8);
      assertLess(distance(embedding, kept.map((value) => value / length)), 1e-6);
    }
    assertEquals((await ask("/api/embed", { model: "m", input })).body.embeddings, expected);
    const older = await ask("/api/embeddings", { model: "m", prompt: input[0] });
    const length = Math.hypot(...older.body.embedding);
    assertGreater(Math.abs(length - 1), 1e-3);
    const scaled = older.body.embedding.map((value: number) => value / length);
    assertLess(distance(scaled, expected[0]!), 1e-3);
  });
});

Deno.test("each dialect reports an encoder's limit; Ollama's truncates unless truncate is false", async () => {
  await served(bertModel("cls"), async (ask) => {
    const long = Array(200).fill("a").join(" ");
    const numbers = "202 tokens, but the model takes 96";
    const openai = await ask("/v1/embeddings", { model: "m", input: ["a", long] });
    assertEquals([openai.status, openai.body.error], [400, {
      message: `input[1] has ${numbers}`,
      type: "invalid_request_error",
      param: "input[1]",
      code: "context_length_exceeded",
    }]);
    const strict = await ask("/api/embed", { model: "m", input: long, truncate: false });
    assertEquals([strict.status, strict.body], [400, { error: `input has ${numbers}` }]);
    const older = await ask("/api/embeddings", { model: "m", prompt: long });
    assertEquals([older.status, older.body], [400, { error: `prompt has ${numbers}` }]);
    const cut = await ask("/api/embed", { model: "m", input: [long, "a"] });
    assertEquals([cut.status, cut.body.prompt_eval_count], [200, 96 + 3]);
    const kept = Array(94).fill("a").join(" ");
    const whole = await ask("/api/embed", { model: "m", input: [kept, "a"] });
    assertEquals(cut.body.embeddings, whole.body.embeddings);
    for (const input of ["", [""]]) {
      const empty = await ask("/v1/embeddings", { model: "m", input });
      assertEquals([empty.status, empty.body.usage.prompt_tokens], [200, 2]);
    }
    for (const input of [[], [[]]]) {
      const empty = await ask("/v1/embeddings", { model: "m", input });
      assertEquals([empty.status, empty.body.error.param.split("[")[0]], [400, "input"]);
    }
    assertEquals((await ask("/api/embed", { model: "m", input: "" })).body.embeddings, []);
    const unknown = await ask("/v1/embeddings", { model: "m", input: [[2, 3], [2, 4096]] });
    assertEquals(unknown.body.error.param, "input[1]");
  });
});

Deno.test("the ids of /tokenize give the vector of their text, also beside texts", async () => {
  for (const model of ["bert-mean", "qwen3-last"] as const) {
    await served(ENCODERS[model](), async (ask) => {
      const content = "hello world";
      const { tokens } = (await ask("/tokenize", { content, add_special: true })).body;
      const { data } = (await ask("/v1/embeddings", { input: [content, tokens] })).body;
      const [ofText, ofTokens] = data.map((one: { embedding: number[] }) => one.embedding);
      assertLess(distance(ofText, ofTokens), 1e-5);
    });
  }
});

for (const model of ["bert-rank", "qwen3-rank"] as const) {
  Deno.test(`/v1/rerank of ${model} gives the order of llama.cpp's server, the best alone, and texts`, async () => {
    const row = golden.rows.find((row) => row.model === model && row.flash === "off");
    const { query, documents, results } = row as unknown as {
      query: string;
      documents: string[];
      results: { index: number; score: number }[];
    };
    await served(ENCODERS[model](), async (ask) => {
      const { body } = await ask("/v1/rerank", { model: "m", query, documents });
      const places = (list: readonly { index: number }[]) => list.map(({ index }) => index);
      assertEquals(places(body.results), places(results));
      const scores = body.results.map((one: { relevance_score: number }) => one.relevance_score);
      assertLess(distance(scores, results.map(({ score }) => score)), 2e-4);
      const best = await ask("/v1/rerank", {
        model: "m",
        query,
        documents,
        top_n: 2,
        return_documents: true,
      });
      assertEquals(best.body.results.length, 2);
      for (const [at, { index, document }] of best.body.results.entries()) {
        assertEquals([index, document], [results[at]!.index, { text: documents[index] }]);
      }
      const long = await ask("/v1/rerank", {
        model: "m",
        query,
        documents: ["a", Array(100).fill("a").join(" ")],
      });
      assertEquals([long.status, long.body.error.code], [400, "context_length_exceeded"]);
      assertEquals(long.body.error.param, "documents[1]");
      const vectors = await ask("/v1/embeddings", { model: "m", input: "a" });
      assertEquals([vectors.status, vectors.body.error.param], [400, "model"]);
      const text = await ask("/v1/completions", { model: "m", prompt: "a" });
      assertEquals(text.status, 400);
      assertStringIncludes(text.body.error.message, "scores documents and does not generate text");
    }, { flashAttention: "off" });
  });
}

Deno.test("a model that is no reranker scores nothing", async () => {
  await served(bertModel("mean"), async (ask) => {
    const body = { model: "m", query: "a", documents: ["b"] };
    const { status, body: { error } } = await ask("/v1/rerank", body);
    assertEquals([status, error.param], [400, "model"]);
  });
});

Deno.test("all routes report the capabilities and the context length of an encoder", async () => {
  const cases = [
    [bertModel("mean"), "embedding", "embeddings"],
    [bertModel("rank"), "rerank", "rerank"],
    [ENCODERS["qwen3-last"](), "embedding", "embeddings"],
  ] as const;
  for (const [model, kind, openai] of cases) {
    await served(model, async (ask, pool) => {
      await pool.engine((await pool.list())[0]!);
      const { capabilities } = (await ask("/v1/models/m")).body;
      const able = Object.entries(capabilities).filter(([, can]) => can).map(([name]) => name);
      assertEquals(able, [openai]);
      assertEquals((await ask("/api/show", { model: "m" })).body.capabilities, [kind]);
      assertEquals((await ask("/api/models")).body.models[0].kind, kind);
      const { loaded } = (await ask("/api/models/m/status")).body;
      assertEquals(loaded.capabilities, [kind]);
      assertEquals([loaded.embedding.input_limit, loaded.context_length], [96, 96]);
      const [cpu] = loaded.embedding.memory;
      assertEquals(cpu.device, "CPU");
      assertGreater(cpu.compute_bytes, 0);
      assertEquals(cpu.kv_bytes > 0, kind === "embedding" && model.length > 150_000);
      const diagnosed = (await ask("/diag")).body.models[0].embedding;
      assertEquals(diagnosed, loaded.embedding);
    });
  }
});
