import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ModelInfo } from "../../../../engine/protocol/mod.ts";
import { serverDouble } from "../../../../../tests/doubles/server.ts";

const FIM = {
  prefix: 0x110000,
  suffix: 0x110001,
  middle: 0x110002,
  repository: null,
  separator: null,
};

const NAMES: Readonly<Record<number, string>> = {
  [FIM.prefix]: "<PRE>",
  [FIM.suffix]: "<SUF>",
  [FIM.middle]: "<MID>",
  1: "<REPO>",
  2: "<SEP>",
};

/** The prompt that a request gives the engine, with names for the special tokens. */
async function promptOf(body: Record<string, unknown>, info: Partial<ModelInfo> = {}) {
  const server = serverDouble({ engine: { info: { fim: FIM, ...info } } });
  const response = await server.request("/infill", body);
  const answer = await response.json();
  const tokens = server.engine.requests[0]?.prompt
    .flatMap((part) => "tokens" in part ? part.tokens : []) ?? [];
  const prompt = tokens.map((token) => NAMES[token] ?? String.fromCodePoint(token)).join("");
  return { server, status: response.status, answer, prompt };
}

Deno.test("the code around the gap is between fill-in-the-middle tokens", async () => {
  const body = { input_prefix: "def a():\n", input_suffix: "\nend", prompt: "  return " };
  const { prompt, server, answer } = await promptOf(body);
  assertEquals(prompt, "<PRE>def a():\n  return <SUF>\nend<MID>");
  assertEquals(server.engine.requests[0]!.addSpecial, false);
  assertEquals(answer.content, "Hello world");
});

Deno.test("other files come first, in the pattern of the vocabulary", async () => {
  const body = {
    input_prefix: "a",
    input_suffix: "b",
    input_extra: [{ filename: "x.py", text: "x = 1\n" }, { text: "y = 2\n" }],
    n_predict: 4,
  };
  assertEquals(
    (await promptOf(body)).prompt,
    "\n\n--- snippet ---\n\nx = 1\n\n\n--- snippet ---\n\ny = 2\n<PRE>a<SUF>b<MID>",
  );
  const fim = { ...FIM, repository: 1, separator: 2 };
  assertEquals(
    (await promptOf(body, { fim })).prompt,
    "<REPO>myproject\n<SEP>x.py\nx = 1\n<SEP>tmp\ny = 2\n<SEP>filename\n<PRE>a<SUF>b<MID>",
  );
});

Deno.test("what is farthest from the gap is left out when the context is short", async () => {
  const body = {
    input_prefix: "p".repeat(40) + "P",
    input_suffix: "S" + "s".repeat(40),
    input_extra: [{ text: "e".repeat(40) + "E" }],
    n_predict: 4,
  };
  const { prompt } = await promptOf(body, { contextLength: 48 });
  assertStringIncludes(prompt, "P<SUF>S");
  assertEquals(prompt.length < 48 + 3 * 4, true);
  assertEquals(/e{3,}E<PRE>p{3,}P<SUF>Ss{2,}<MID>$/.test(prompt), true, prompt);
});

Deno.test("llama.vim's requests are answered", async () => {
  const request = {
    id_slot: 0,
    input_prefix: "int main() {\n",
    input_suffix: "}\n",
    input_extra: [{ text: "int a;", time: [1, 2], filename: "a.h" }],
    prompt: "    int n = ",
    n_predict: 128,
    n_indent: 4,
    top_k: 40,
    top_p: 0.9,
    stop: ["\n\n"],
    stream: false,
    samplers: ["top_k", "top_p", "infill"],
    cache_prompt: true,
    t_max_prompt_ms: 500,
    t_max_predict_ms: 1000,
    response_fields: ["content", "timings/prompt_n", "timings/predicted_ms", "truncated"],
  };
  const { answer, server, status } = await promptOf(request);
  assertEquals([status, answer.content, answer["timings/prompt_n"] > 0], [
    200,
    "Hello world",
    true,
  ]);
  const { sampling, slot, stop } = server.engine.requests[0]!;
  assertEquals([sampling.samplers, slot, stop], [["top_k", "top_p", "infill"], 0, ["\n\n"]]);
  // It warms the cache of the next request up.
  const warm = { ...request, n_predict: 0, prompt: "", samplers: [], response_fields: [""] };
  const warmed = await promptOf(warm);
  assertEquals([warmed.status, warmed.answer], [200, {}]);
  assertEquals(warmed.server.engine.requests[0]!.maxTokens, 0);
});

Deno.test("a vocabulary without the tokens, and malformed files, are refused", async () => {
  const body = { input_prefix: "a", input_suffix: "b" };
  const none = await promptOf(body, { fim: null });
  assertEquals([none.status, none.answer.error.type], [501, "not_supported_error"]);
  for (const file of [{}, { filename: "ok" }, { filename: 123, text: "a" }, 7]) {
    assertEquals((await promptOf({ ...body, input_extra: [file] })).status, 400);
  }
  assertEquals((await promptOf({ input_prefix: "a" })).status, 400);
});
