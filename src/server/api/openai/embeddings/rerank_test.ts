import { assertEquals } from "@std/assert";
import { serverDouble } from "../../../../../tests/doubles/server.ts";
import type { ModelEntry } from "../../../../models/entry/entry.ts";

async function ask(body: Record<string, unknown>, entry: Partial<ModelEntry> = {}) {
  const server = serverDouble({ entry: { kind: "rerank", ...entry } });
  const response = await server.request("/v1/rerank", body);
  return { status: response.status, answer: await response.json() };
}

const DOCUMENTS = ["a", "abc", { text: "ab" }];

Deno.test("documents come back best first, with where they stood", async () => {
  const { answer } = await ask({ query: "q", documents: DOCUMENTS });
  assertEquals(answer, {
    object: "list",
    model: "double",
    results: [
      { index: 1, relevance_score: 3 },
      { index: 2, relevance_score: 2 },
      { index: 0, relevance_score: 1 },
    ],
    usage: { prompt_tokens: 6, total_tokens: 6 },
  });
});

Deno.test("only the best are given where so many are asked for, with their texts", async () => {
  const body = { query: "q", documents: DOCUMENTS, top_n: 1, return_documents: true };
  const { answer } = await ask(body);
  assertEquals(answer.results, [{ index: 1, relevance_score: 3, document: { text: "abc" } }]);
});

Deno.test("a document over the limit is refused by its place", async () => {
  const { status, answer } = await ask({ query: "q", documents: ["a", "b".repeat(1025)] });
  assertEquals([status, answer.error.code], [400, "context_length_exceeded"]);
  assertEquals(answer.error.param, "documents[1]");
  assertEquals(answer.error.message, "documents[1] has 1025 tokens, but the model takes 1024");
});

Deno.test("a model that is no reranker is refused, and so are no documents", async () => {
  const wrong = await ask({ query: "q", documents: DOCUMENTS }, { kind: "language" });
  assertEquals([wrong.status, wrong.answer.error.param], [400, "model"]);
  const none = await ask({ query: "q", documents: [] });
  assertEquals([none.status, none.answer.error.param], [400, "documents"]);
});
