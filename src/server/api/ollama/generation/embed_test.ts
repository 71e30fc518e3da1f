import { assertEquals } from "@std/assert";
import { serverDouble, type ServerDoubleOptions } from "../../../../../tests/doubles/server.ts";
import { ollamaRoutes } from "../mod.ts";

const server = (options: ServerDoubleOptions = {}) =>
  serverDouble({ routes: ollamaRoutes, ...options });

// The double's embedding of a text is its length and three zeros.
Deno.test("embed answers a text or several, each with a vector", async () => {
  const { send } = server();
  const one = await (await send("POST", "/api/embed", { model: "double", input: "abc" })).json();
  assertEquals(one.embeddings, [[3, 0, 0, 0]]);
  assertEquals([one.model, one.prompt_eval_count], ["double", 3]);
  assertEquals(Number.isInteger(one.total_duration), true);
  const two = { model: "double", input: ["a", "bc"], dimensions: 2 };
  const cut = await (await send("POST", "/ollama/api/embed", two)).json();
  assertEquals(cut.embeddings, [[1, 0], [1, 0]]);
  const none = await (await send("POST", "/api/embed", { model: "double", input: "" })).json();
  assertEquals(none.embeddings, []);
});

Deno.test("embed truncates long inputs unless truncate is false; embeddings never truncates", async () => {
  const { send } = server();
  const long = "x".repeat(2000);
  for (const truncate of [undefined, null, true]) {
    const body = { model: "double", input: [long, "ab"], truncate };
    const answer = await (await send("POST", "/api/embed", body)).json();
    assertEquals(answer.embeddings.map(([size]: number[]) => size), [1024, 2]);
    assertEquals(answer.prompt_eval_count, 1026);
  }
  const older = await send("POST", "/api/embeddings", { model: "double", prompt: long });
  assertEquals(older.status, 400);
  assertEquals((await older.json()).error, "prompt has 2000 tokens, but the model takes 1024");
});

Deno.test("the older embeddings answers one text with one vector", async () => {
  const { send } = server();
  const response = await send("POST", "/api/embeddings", { model: "double", prompt: "abcd" });
  assertEquals(await response.json(), { embedding: [4, 0, 0, 0] });
});

Deno.test("embed refuses unsupported fields by name", async () => {
  const refusal = async (fields: Record<string, unknown>, double = server()) => {
    const response = await double.send("POST", "/api/embed", {
      model: "double",
      input: "abc",
      ...fields,
    });
    assertEquals(response.status, 400);
    return (await response.json()).error;
  };
  assertEquals(
    await refusal({ input: ["a", "b".repeat(1025)], truncate: false }),
    "input[1] has 1025 tokens, but the model takes 1024",
  );
  assertEquals(await refusal({ truncate: "no" }), "truncate: must be true or false");
  assertEquals(
    await refusal({ dimensions: 5 }),
    "dimensions: must be at most 4, the dimensions of this model",
  );
  assertEquals(await refusal({ input: 7 }), "input: must be text or a list of at most 2048 texts");
  assertEquals(
    await refusal({}, server({ entry: { kind: "rerank" } })),
    "model: is a reranking model and computes no embeddings",
  );
});
