import { assertEquals } from "@std/assert";
import type { EngineDoubleOptions } from "../../../../../tests/doubles/engine.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";
import { openaiRoutes } from "../mod.ts";

const PATH = "/v1/completions";
const serve = (options?: EngineDoubleOptions) =>
  serverDouble({ routes: openaiRoutes, ...(options === undefined ? {} : { engine: options }) });

/** What a body is answered with. */
async function ask(body: Record<string, unknown>, options?: EngineDoubleOptions) {
  const server = serve(options);
  const response = await server.request(PATH, body);
  return { ...server, status: response.status, answer: await response.json() };
}

Deno.test("a completion has OpenAI's shape and takes its prompt as it is", async () => {
  const { answer, engine } = await ask({ prompt: "<|im_start|>Once" });
  assertEquals(answer.object, "text_completion");
  assertEquals(answer.choices, [
    { text: "Hello world", index: 0, logprobs: null, finish_reason: "stop" },
  ]);
  assertEquals(engine.requests[0]!.prompt, [{ text: "<|im_start|>Once", special: true }]);
  assertEquals(engine.requests[0]!.maxTokens, 16);
});

Deno.test("each prompt of a list has its choices, counted together", async () => {
  const { answer, engine } = await ask({ prompt: ["ab", "cde"], n: 2 });
  assertEquals(answer.choices.map(({ index }: { index: number }) => index), [0, 1, 2, 3]);
  assertEquals(engine.requests.map(({ prompt }) => prompt), [
    [{ text: "ab", special: true }],
    [{ text: "ab", special: true }],
    [{ text: "cde", special: true }],
    [{ text: "cde", special: true }],
  ]);
  assertEquals(answer.usage.prompt_tokens, 5);
  assertEquals(answer.usage.completion_tokens, 8);
});

Deno.test("token ids are prompts, alone or in lists", async () => {
  const one = await ask({ prompt: [72, 105] });
  assertEquals(one.engine.requests[0]!.prompt, [{ tokens: [72, 105] }]);
  const two = await ask({ prompt: [[72], [105]] });
  assertEquals(two.engine.requests.map(({ prompt }) => prompt), [[{ tokens: [72] }], [{
    tokens: [105],
  }]]);
});

Deno.test("echo puts the prompt before the text, token ids as text", async () => {
  assertEquals(
    (await ask({ prompt: "Say: ", echo: true })).answer.choices[0].text,
    "Say: Hello world",
  );
  assertEquals(
    (await ask({ prompt: [72, 105], echo: true })).answer.choices[0].text,
    "HiHello world",
  );
});

Deno.test("echo with zero tokens to generate returns and counts only the prompt", async () => {
  const { answer, engine } = await ask({ prompt: "abc", echo: true, max_tokens: 0 });
  assertEquals(answer.choices, [{
    text: "abc",
    index: 0,
    logprobs: null,
    finish_reason: "length",
  }]);
  assertEquals(answer.usage.prompt_tokens, 3);
  assertEquals(engine.requests.length, 0);
});

Deno.test("an echoed prompt has log probabilities before those of the answer", async () => {
  const { answer, engine } = await ask({
    prompt: "abc",
    echo: true,
    logprobs: 1,
    max_tokens: 1,
    n: 2,
  });
  assertEquals(engine.requests.map(({ promptLogprobs }) => promptLogprobs), [1, undefined]);
  for (const { text, logprobs } of answer.choices) {
    assertEquals(text, "abcHello");
    assertEquals(logprobs.tokens.slice(0, 3), ["a", "b", "c"]);
    assertEquals(logprobs.token_logprobs.slice(0, 3), [null, -1, -2]);
    assertEquals(logprobs.top_logprobs.slice(0, 3), [null, { b: -1 }, { c: -2 }]);
    assertEquals(logprobs.text_offset.slice(0, 4), [0, 1, 2, 3]);
    assertEquals(logprobs.tokens.length, 4);
  }
});

Deno.test("a prompt's log probabilities come without tokens to make, and for token ids", async () => {
  const { answer, engine } = await ask({
    prompt: [72, 105],
    echo: true,
    logprobs: 0,
    max_tokens: 0,
  });
  assertEquals(engine.requests[0]!.maxTokens, 0);
  assertEquals(answer.choices, [{
    text: "Hi",
    index: 0,
    logprobs: {
      tokens: ["H", "i"],
      token_logprobs: [null, -1],
      top_logprobs: [null, { i: -1 }],
      text_offset: [0, 1],
    },
    finish_reason: "length",
  }]);
  assertEquals(answer.usage.prompt_tokens, 2);
});

Deno.test("prompt_logprobs reports what vLLM does, without the prompt's text", async () => {
  const { answer } = await ask({ prompt: "ab", prompt_logprobs: 2, max_tokens: 1 });
  assertEquals(answer.choices[0].text, "Hello");
  assertEquals(answer.choices[0].logprobs, null);
  assertEquals(answer.choices[0].prompt_logprobs, [null, {
    98: { logprob: -1, rank: 1, decoded_token: "b" },
    99: { logprob: -2, rank: 2, decoded_token: "c" },
  }]);
});

Deno.test("a stream's echo carries the log probabilities of the prompt", async () => {
  const { request } = serve();
  const body = { prompt: "ab", echo: true, logprobs: 0, stream: true, n: 2 };
  const events = (await readEvents(await request(PATH, body))).map(({ data }) => data);
  const choices = events.slice(0, -1).flatMap((data) => JSON.parse(data).choices);
  for (const index of [0, 1]) {
    const [echo, next] = choices.filter((choice) => choice.index === index);
    assertEquals([echo.text, echo.logprobs.token_logprobs], ["ab", [null, -1]]);
    assertEquals(next.logprobs.text_offset, [2]);
  }
});

Deno.test("no tokens and no echo: the prompt is counted", async () => {
  const { answer } = await ask({ prompt: "abc", max_tokens: 0 });
  assertEquals(answer.choices[0].text, "");
  assertEquals(answer.usage.prompt_tokens, 3);
});

Deno.test("a suffix is laid out with the fill-in-the-middle tokens", async () => {
  const fim = {
    ...{ prefix: 0x110000, suffix: 0x110001, middle: 0x110002 },
    ...{ repository: null, separator: null },
  };
  const { engine } = await ask({ prompt: "a", suffix: "b" }, { info: { fim } });
  assertEquals(engine.requests[0]!.prompt, [
    { tokens: [fim.prefix, 97, fim.suffix, 98, fim.middle] },
  ]);
});

Deno.test("log probabilities are lists side by side", async () => {
  const { answer } = await ask({ prompt: "x", logprobs: 1 });
  const { tokens, token_logprobs, top_logprobs, text_offset } = answer.choices[0].logprobs;
  assertEquals(tokens, ["Hello", " world"]);
  assertEquals(token_logprobs, [-0.5, -0.5]);
  assertEquals(top_logprobs.length, 2);
  assertEquals(text_offset, [0, 5]);
});

Deno.test("best_of gives the likeliest, and counts all that were made", async () => {
  const { answer, engine } = await ask({ prompt: "x", best_of: 3, n: 1 });
  assertEquals(answer.choices.length, 1);
  assertEquals(engine.requests.length, 3);
  assertEquals(answer.usage.completion_tokens, 6);
});

for (
  const [fields, field] of [
    [{ suffix: "b" }, "suffix"],
    [{ echo: true, suffix: "b" }, "echo"],
    [{ prompt_logprobs: 1, stream: true }, "prompt_logprobs"],
    [{ best_of: 1, n: 2 }, "best_of"],
    [{ best_of: 2, stream: true }, "best_of"],
    [{ stream_options: {} }, "stream_options"],
    [{ prompt: Array(65).fill("x"), n: 2 }, "n"],
    [{ prompt: 5 }, "prompt"],
    [{ messages: [] }, "messages"],
    [{ reasoning_budget: 5 }, "reasoning_budget"],
    [{ reasoning_sampling: {} }, "reasoning_sampling"],
  ] as const
) {
  Deno.test(`${JSON.stringify(fields).slice(0, 40)} is refused by name`, async () => {
    const { status, answer } = await ask({ prompt: "a", ...fields });
    assertEquals(status, 400);
    assertEquals(answer.error.param, field);
  });
}

Deno.test("a stream echoes first, then sends text, reason and usage", async () => {
  const { request } = serve();
  const body = {
    prompt: ["a", "b"],
    echo: true,
    stream: true,
    stream_options: { include_usage: true },
  };
  const events = (await readEvents(await request(PATH, body))).map(({ data }) => data);
  assertEquals(events.at(-1), "[DONE]");
  const chunks = events.slice(0, -1).map((data) => JSON.parse(data));
  const textOf = (wanted: number) =>
    chunks.flatMap(({ choices }) => choices)
      .filter(({ index }) => index === wanted).map(({ text }) => text).join("");
  assertEquals([textOf(0), textOf(1)], ["aHello world", "bHello world"]);
  assertEquals(chunks.at(-1).choices, []);
  assertEquals(chunks.at(-1).usage.prompt_tokens, 2);
  assertEquals(chunks.at(-1).usage.completion_tokens, 4);
});

Deno.test("notices are next to the choices, and in the chunk that ends a choice", async () => {
  const { request } = serve({ script: { tokens: ["a"], notices: [{ message: "session: gone" }] } });
  const answer = await (await request(PATH, { prompt: "a" })).json();
  assertEquals(answer.notices, ["session: gone"]);
  const events = await readEvents(await request(PATH, { prompt: "a", stream: true }));
  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));
  assertEquals(chunks.map(({ notices }) => notices), [undefined, ["session: gone"]]);
});

Deno.test("continuous usage counts the tokens of each choice in each chunk", async () => {
  const { request } = serve();
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const events = await readEvents(
    await request(PATH, { prompt: ["a", "bcd"], stream: true, stream_options }),
  );
  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));
  const usagesOf = (index: number) =>
    chunks.filter(({ choices }) => choices[0]?.index === index)
      .map(({ usage }) => [usage.prompt_tokens, usage.completion_tokens]);
  assertEquals(usagesOf(0), [[1, 1], [1, 2], [1, 2]]);
  assertEquals(usagesOf(1), [[3, 1], [3, 2], [3, 2]]);
  assertEquals(chunks.at(-1).usage.total_tokens, 8);
});
