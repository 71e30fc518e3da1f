import { assertAlmostEquals, assertEquals } from "@std/assert";
import { decodeBase64 } from "@std/encoding/base64";
import { serverDouble } from "../../../../../tests/doubles/server.ts";
import type { ModelEntry } from "../../../../models/entry/entry.ts";
import { openaiRoutes } from "../mod.ts";

async function ask(body: Record<string, unknown>, entry: Partial<ModelEntry> = {}) {
  const server = serverDouble({ routes: openaiRoutes, entry: { kind: "embedding", ...entry } });
  const response = await server.request("/v1/embeddings", body);
  return { status: response.status, answer: await response.json() };
}

Deno.test("embeddings come in the order of their inputs, and their tokens are counted", async () => {
  const { answer } = await ask({ model: "double", input: ["abc", "de"] });
  assertEquals(answer, {
    object: "list",
    model: "double",
    data: [
      { object: "embedding", index: 0, embedding: [3, 0, 0, 0] },
      { object: "embedding", index: 1, embedding: [2, 0, 0, 0] },
    ],
    usage: { prompt_tokens: 5, total_tokens: 5 },
  });
});

Deno.test("one text, token ids and lists of token ids are inputs", async () => {
  const lengths = async (input: unknown) =>
    (await ask({ input })).answer.data.map(({ embedding }: { embedding: number[] }) =>
      embedding[0]
    );
  assertEquals(await lengths("abcd"), [4]);
  assertEquals(await lengths([97, 98, 99]), [3]);
  assertEquals(await lengths([[97], [98, 99]]), [1, 2]);
  assertEquals(await lengths([[97], "bcd", [98, 99]]), [1, 3, 2]);
  assertEquals(await lengths(["", "a"]), [0, 1]);
});

Deno.test("base64 holds the floats in little-endian order", async () => {
  const { answer } = await ask({ input: "abc", encoding_format: "base64" });
  const bytes = decodeBase64(answer.data[0].embedding);
  assertEquals(bytes.length, 16);
  assertEquals(new DataView(bytes.buffer).getFloat32(0, true), 3);
});

Deno.test("fewer dimensions are scaled to length 1 again", async () => {
  const { answer } = await ask({ input: "abc", dimensions: 2 });
  const [vector] = answer.data.map(({ embedding }: { embedding: number[] }) => embedding);
  assertEquals(vector.length, 2);
  assertAlmostEquals(Math.hypot(...vector), 1);
});

for (
  const [body, field] of [
    [{ input: [1, true] }, "input"],
    [{ input: [[]] }, "input"],
    [{ input: [] }, "input"],
    [{}, "input"],
    [{ input: "a", dimensions: 5 }, "dimensions"],
    [{ input: "a", encoding_format: "int8" }, "encoding_format"],
  ] as const
) {
  Deno.test(`${JSON.stringify(body)} is refused by name`, async () => {
    const { status, answer } = await ask(body);
    assertEquals(status, 400);
    assertEquals(answer.error.param.split("[")[0], field);
  });
}

Deno.test("an input over the limit is refused with both numbers and never truncated", async () => {
  const { status, answer } = await ask({ input: ["a", "b".repeat(1025)] });
  assertEquals(status, 400);
  assertEquals(answer.error.code, "context_length_exceeded");
  assertEquals(answer.error.param, "input[1]");
  assertEquals(answer.error.message, "input[1] has 1025 tokens, but the model takes 1024");
  assertEquals((await ask({ input: "b".repeat(1025) })).answer.error.param, "input");
});

Deno.test("a reranking model makes no embeddings", async () => {
  const { status, answer } = await ask({ input: "a" }, { kind: "rerank" });
  assertEquals(status, 400);
  assertEquals(answer.error.param, "model");
});

Deno.test("control tokens in a text are plain text unless asked otherwise", async () => {
  const { engine, request } = serverDouble({ routes: openaiRoutes, entry: { kind: "embedding" } });
  await request("/v1/embeddings", { input: "<s>" });
  await request("/v1/embeddings", { input: ["<s>", [1]], parse_special: true });
  assertEquals(engine.embedded.map(({ inputs }) => inputs), [
    [{ field: "input", text: "<s>", special: false }],
    [{ field: "input[0]", text: "<s>", special: true }, { field: "input[1]", tokens: [1] }],
  ]);
});

Deno.test("token ids and texts in one list are one input", async () => {
  const server = serverDouble({ entry: { kind: "embedding" } });
  for (const input of [[97, "bc", 100], [[97, "bc", 100], "e"]]) {
    const response = await server.request("/v1/embeddings", { input });
    assertEquals(response.status, 200);
    await response.body?.cancel();
  }
  const tokens = [97, 98, 99, 100];
  assertEquals(server.engine.embedded.map(({ inputs }) => inputs), [
    [{ field: "input", tokens }],
    [{ field: "input[0]", tokens }, { field: "input[1]", text: "e", special: false }],
  ]);
});
