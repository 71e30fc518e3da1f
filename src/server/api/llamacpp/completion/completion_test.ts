import { assertEquals, assertStringIncludes } from "@std/assert";
import type { EngineDoubleOptions } from "../../../../../tests/doubles/engine.ts";
import { ShimmyError } from "../../../../errors.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";

const PATH = "/completion";

async function ask(body: Record<string, unknown>, engine: EngineDoubleOptions = {}) {
  const server = serverDouble({ engine });
  const response = await server.request(PATH, body);
  return { server, response, status: response.status, answer: await response.json() };
}

async function stream(body: Record<string, unknown>, engine: EngineDoubleOptions = {}) {
  const response = await serverDouble({ engine }).request(PATH, { ...body, stream: true });
  return (await readEvents(response)).map(({ data }) => JSON.parse(data));
}

Deno.test("a completion has llama-server's shape", async () => {
  const { answer, server } = await ask({ prompt: "Hi", n_predict: 5, return_tokens: true });
  const { generation_settings: settings, timings, ...rest } = answer;
  assertEquals(rest, {
    index: 0,
    content: "Hello world",
    tokens: [72, 32],
    id_slot: 0,
    stop: true,
    model: "double",
    tokens_predicted: 2,
    tokens_evaluated: 2,
    prompt: "Hi",
    has_new_line: false,
    truncated: false,
    stop_type: "eos",
    stopping_word: "",
    tokens_cached: 3,
  });
  assertEquals([settings.n_predict, settings.top_k, settings.seed], [5, 40, 4294967295]);
  assertEquals([timings.prompt_n, timings.predicted_n, timings.cache_n], [2, 2, 0]);
  assertEquals(server.engine.requests[0]!.maxTokens, 5);
});

Deno.test("tokens are returned only on request, and a negative limit is none", async () => {
  const { answer, server } = await ask({ prompt: "Hi", n_predict: -1 });
  assertEquals(answer.tokens, []);
  assertEquals([server.engine.requests[0]!.maxTokens, answer.generation_settings.n_predict], [
    null,
    -1,
  ]);
});

Deno.test("a prompt is text, ids, both, an object, or a list of these", async () => {
  const forms: readonly (readonly [unknown, number[][]])[] = [
    ["ab", [[97, 98]]],
    [[97, 98], [[97, 98]]],
    [[97, "bc", 100, "e"], [[97, 98, 99, 100, 101]]],
    [{ prompt_string: "ab" }, [[97, 98]]],
    [["a", "b"], [[97], [98]]],
    [[[97], "b", { prompt_string: "c" }, [100, "e"]], [[97], [98], [99], [100, 101]]],
  ];
  for (const [prompt, tokens] of forms) {
    const { answer, server } = await ask({ prompt, n_predict: 1 });
    assertEquals(
      server.engine.requests.map(({ prompt }) => prompt),
      tokens.map((tokens) => [{ tokens }]),
    );
    assertEquals(Array.isArray(answer) ? answer.length : 1, tokens.length);
  }
  for (const prompt of [7, [[]].concat([[1.5]] as never), [-1], null]) {
    assertEquals((await ask({ prompt })).status, 400);
  }
});

Deno.test("only a prompt that begins with text gets the special token at its begin", async () => {
  const info = { bosText: "<|endoftext|>" };
  const bos = 0x110000;
  for (const [prompt, first] of [["a", bos], [[97, "b"], 97], [["a"], bos]] as const) {
    const { server } = await ask({ prompt }, { info });
    const { prompt: [part], addSpecial } = server.engine.requests[0]!;
    assertEquals([(part as { tokens: number[] }).tokens[0], addSpecial], [first, false]);
  }
});

Deno.test("biases are pairs or an object, of ids and texts, and false bans", async () => {
  const expected = [
    { token: 5, bias: -1.5 },
    { token: 104, bias: -Infinity },
    { token: 105, bias: -Infinity },
  ];
  for (const bias of [[[5, -1.5], ["hi", false]], { "5": -1.5, hi: false }]) {
    const { server, answer } = await ask({ prompt: "x", logit_bias: bias });
    assertEquals(server.engine.requests[0]!.sampling.logitBias, expected);
    assertEquals(answer.generation_settings.logit_bias[1], { token: 104, bias: null });
  }
  assertEquals((await ask({ prompt: "x", logit_bias: [[5]] })).status, 400);
});

Deno.test("ignore_eos is reported as banned tokens", async () => {
  const { answer } = await ask({ prompt: "x", ignore_eos: true, n_predict: 2 });
  assertEquals(answer.generation_settings.logit_bias, [{ token: 0x110002, bias: null }]);
});

Deno.test("probabilities are those of the model, or after the samplers", async () => {
  const { answer, server } = await ask({ prompt: "x", n_probs: 2 });
  const [first] = answer.completion_probabilities;
  assertEquals([first.id, first.token, first.logprob], [72, "Hello", -0.5]);
  assertEquals(first.top_logprobs.map(({ logprob }: { logprob: number }) => logprob), [-0.5, -1.5]);
  assertEquals(server.engine.requests[0]!.sampledLogprobs, undefined);
  const after = await ask({ prompt: "x", n_probs: 2, post_sampling_probs: true });
  assertEquals(after.server.engine.requests[0]!.sampledLogprobs, true);
  const [chosen] = after.answer.completion_probabilities;
  assertEquals([chosen.prob, chosen.top_probs.length], [Math.exp(-0.5), 2]);
});

Deno.test("response_fields selects fields, also nested ones", async () => {
  const fields = ["content", "timings/prompt_n", "nothing", "generation_settings/n_predict"];
  const { answer } = await ask({ prompt: "Hi", n_predict: 4, response_fields: fields });
  assertEquals(answer, {
    "content": "Hello world",
    "timings/prompt_n": 2,
    "generation_settings/n_predict": 4,
  });
  assertEquals((await ask({ prompt: "Hi", response_fields: [""] })).answer, {});
});

Deno.test("several completions of several prompts come in one list", async () => {
  const { answer, server } = await ask({ prompt: ["a", "b"], n_cmpl: 2, seed: 4 });
  assertEquals(
    answer.map(({ index, prompt }: { index: number; prompt: string }) => [index, prompt]),
    [
      [0, "a"],
      [1, "a"],
      [2, "b"],
      [3, "b"],
    ],
  );
  assertEquals(server.engine.requests.map(({ sampling }) => sampling.seed), [4, 5, 4, 5]);
});

Deno.test("an answer tells why it ended", async () => {
  const tell = async (body: Record<string, unknown>, engine: EngineDoubleOptions = {}) => {
    const { answer } = await ask({ prompt: "Hi", ...body }, engine);
    return [answer.stop_type, answer.stopping_word, answer.truncated];
  };
  assertEquals(await tell({}), ["eos", "", false]);
  assertEquals(await tell({ n_predict: 1 }), ["limit", "", false]);
  assertEquals(await tell({ stop: ["world", ""] }), ["word", "world", false]);
  const small = { info: { contextLength: 8 }, script: { tokens: ["a"], endless: true } };
  assertEquals(await tell({ n_predict: 3 }, small), ["limit", "", false]);
  assertEquals(await tell({}, small), ["limit", "", true]);
});

Deno.test("an answer ends before a line with too little indentation", async () => {
  const script = { tokens: ["  a;\n", "  b;\n", " ", "c", "d"] };
  const { answer, server } = await ask({ prompt: "x", n_indent: 2 }, { script });
  assertEquals([answer.content, answer.stop_type], ["  a;\n  b;", "limit"]);
  assertEquals(server.engine.controls, [{ type: "stop" }]);
  const all = await ask({ prompt: "x", n_indent: 1 }, { script });
  assertEquals(all.answer.content, "  a;\n  b;\n cd");
});

Deno.test("the options of the prompt cache and of slots reach the engine", async () => {
  const { server } = await ask({ prompt: "x", cache_prompt: false, id_slot: 2 });
  const { cachePrompt, slot } = server.engine.requests[0]!;
  assertEquals([cachePrompt, slot], [false, 2]);
  assertEquals(
    (await ask({ prompt: "x", id_slot: -1 })).server.engine.requests[0]!.slot,
    undefined,
  );
});

Deno.test("a schema and a grammar constrain the answer, one of them", async () => {
  const { server } = await ask({ prompt: "x", grammar: 'root ::= "y"' });
  assertEquals(server.engine.requests[0]!.grammar?.source, 'root ::= "y"');
  const json = await ask({ prompt: "x", json_schema: {} });
  assertStringIncludes(json.server.engine.requests[0]!.grammar!.source, "root ::=");
  const both = await ask({ prompt: "x", grammar: 'root ::= "y"', json_schema: {} });
  assertEquals([both.status, both.answer.error.param], [400, "json_schema"]);
});

Deno.test("a stream has a chunk for each token and the fields of a response at its end", async () => {
  const chunks = await stream({ prompt: "Hi", n_predict: 5 });
  assertEquals(chunks.map(({ content, stop, tokens }) => [content, stop, tokens]), [
    ["Hello", false, [72]],
    [" world", false, [32]],
    ["", true, []],
  ]);
  assertEquals(chunks.at(-1).timings.predicted_n, 2);
  assertEquals("timings" in chunks[0], false);
});

Deno.test("a stream reports progress and timings on request", async () => {
  const chunks = await stream({ prompt: "Hi", return_progress: true, timings_per_token: true });
  assertEquals(
    chunks.slice(0, 2).map(({ prompt_progress: progress, timings }) => [
      progress,
      timings.prompt_n,
    ]),
    [
      [{ total: 2, cache: 0, processed: 0, time_ms: 2 }, 0],
      [{ total: 2, cache: 0, processed: 2, time_ms: 2 }, 2],
    ],
  );
  assertEquals(chunks[2].timings.predicted_n, 1);
});

Deno.test("a prompt over the context is refused with both numbers", async () => {
  const { answer, status } = await ask({ prompt: "abcd" }, { info: { contextLength: 3 } });
  const { error } = answer;
  assertEquals([status, error.type], [400, "exceed_context_size_error"]);
  assertEquals([error.n_prompt_tokens, error.n_ctx], [4, 3]);
  assertStringIncludes(error.message, "exceeds the available context size");
});

Deno.test("unknown fields are ignored and reported under this dialect", async () => {
  const { response, status } = await ask({ prompt: "x", colour: 1, n_keep: 3 });
  assertEquals([status, response.headers.get("x-shimmy-ignored")], [200, "n_keep, colour"]);
});

Deno.test("a prompt of ids is submitted at once; the last chunk waits for its text", async () => {
  const server = serverDouble();
  const text = Promise.withResolvers<string>();
  server.engine.detokenize = () => text.promise;
  server.engine.tokenize = () => Promise.reject(new Error("The ids are known"));
  const response = await server.request(PATH, { prompt: [72, 105], stream: true });
  const chunks = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const { value: first } = await chunks.read();
  assertStringIncludes(first!, '"stop":false');
  text.resolve("Hi");
  let rest = "";
  for (let read; !(read = await chunks.read()).done;) rest += read.value;
  assertStringIncludes(rest, '"prompt":"Hi"');
});

Deno.test("more than 128 prompts are refused in every form", async () => {
  for (const one of ["a", [97], { prompt_string: "a" }]) {
    const { status, answer } = await ask({ prompt: Array(129).fill(one), n_predict: 1 });
    assertEquals([status, answer.error.message], [400, "prompt: must be at most 128 prompts"]);
    const most = await ask({ prompt: Array(128).fill(one), n_predict: 1 });
    assertEquals([most.status, most.answer.length], [200, 128]);
  }
  // Token ids and texts together are one prompt.
  assertEquals((await ask({ prompt: Array(129).fill(97), n_predict: 1 })).status, 200);
});

Deno.test("an id that is not in the vocabulary is refused before a stream of several prompts", async () => {
  const server = serverDouble();
  const { vocabularySize } = server.engine.info;
  const body = { prompt: ["ok", [97, vocabularySize]], n_predict: 1 };
  for (const stream of [false, true]) {
    const response = await server.request(PATH, { ...body, stream });
    assertEquals(response.status, 400);
    const { error } = await response.json();
    assertStringIncludes(error.message, `prompt: token ${vocabularySize} is not in the vocabulary`);
  }
  assertEquals(server.engine.requests, []);
});

Deno.test("a stream whose prompt has no text ends with the error", async () => {
  const server = serverDouble();
  server.engine.detokenize = () => Promise.reject(new ShimmyError("backend", "It has no text"));
  const response = await server.request(PATH, { prompt: [72, 105], stream: true });
  const events = (await readEvents(response)).map(({ data }) => JSON.parse(data));
  assertEquals(events.at(-1).error.message, "It has no text");
  assertEquals(events.filter(({ stop }) => stop === true), []);
});
