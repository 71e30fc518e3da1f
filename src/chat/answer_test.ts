import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { EngineDouble, type EngineDoubleOptions } from "../../tests/doubles/engine.ts";
import { TINY_TEMPLATE } from "../../tests/doubles/tiny_template.ts";
import { chatInput, chatRequest } from "../../tests/support/chat_request.ts";
import type { Engine } from "../engine/engine.ts";
import { iterateEvents } from "../engine/event_queue.ts";
import type { PromptPart } from "../engine/protocol/mod.ts";
import { ShimmyError } from "../errors.ts";
import { answer, countTokens } from "./answer.ts";
import type { Answer } from "./running_answer.ts";
import type { AnswerEvent, AnswerRequest, Tool } from "./conversation/conversation.ts";
import { joinContent } from "./conversation/media.ts";
import { inlinePreparer, type Preparer } from "./preparation/prepare.ts";

const weather: Tool = { name: "get_weather", parameters: { type: "object" } };

const VISION = { vision: true, audio: false, refusal: null };

function engine(tokens: string[], options: EngineDoubleOptions = {}): EngineDouble {
  return new EngineDouble({
    script: { tokens },
    ...options,
    info: { chatTemplate: TINY_TEMPLATE, ...options.info },
  });
}

function iterate(double: Engine, asked: AnswerRequest) {
  return iterateEvents<AnswerEvent, Answer>((sink) => answer(double, asked, sink));
}

async function events(double: EngineDouble, values: Partial<AnswerRequest> = {}) {
  return await Array.fromAsync(iterate(double, chatRequest(values)));
}

/** The joined text of all events of one type. */
function joined(all: readonly AnswerEvent[], type: "text" | "reasoning" | "tool_arguments") {
  return all.map((event) => event.type === type ? event.text : "").join("");
}

function finish(all: readonly AnswerEvent[]) {
  const last = all.at(-1);
  assert(last?.type === "done");
  return last;
}

Deno.test("an answer streams text token by token, then done", async () => {
  await using double = engine(["Hel", "lo", "\n"]);
  const all = await events(double);
  assertEquals(all.map((event) => event.type), ["text", "text", "text", "done"]);
  assertEquals(joined(all, "text"), "Hello\n");
  assertEquals(finish(all).finishReason, "stop");
});

Deno.test("request options reach the sequence", async () => {
  await using double = engine(["x"]);
  await events(double, {
    maxTokens: 7,
    sampling: { temperature: 0, seed: 3 },
    stop: ["END"],
    ignoreEos: true,
    logprobs: 2,
    reasoningBudget: 9,
    reasoningSampling: { topK: 5 },
    format: { type: "grammar", source: 'root ::= "x"' },
  });
  assertEquals(double.requests, [{
    prompt: [{
      text: "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
      special: true,
    }],
    maxTokens: 7,
    sampling: { temperature: 0, seed: 3 },
    stop: ["END"],
    ignoreEos: true,
    logprobs: 2,
    grammar: { source: 'root ::= "x"' },
    reasoning: {
      open: "<think>",
      close: "</think>",
      isOpen: false,
      tokens: 9,
      sampling: { topK: 5 },
    },
  }]);
});

/** The reasoning phase that the engine gets for a model with this template. */
async function reasoningWith(chatTemplate: string) {
  await using double = engine(["x"], { info: { chatTemplate } });
  await events(double);
  return double.requests[0]?.reasoning;
}

Deno.test("the reasoning phase is between the template's tags", async () => {
  assertEquals(await reasoningWith("{{ '<|im_start|>assistant\n<think>\n' }}"), {
    open: "<think>",
    close: "</think>",
    isOpen: true,
  });
  assertEquals(await reasoningWith("{{ '[INST][THINK]x[/THINK]' }}"), {
    open: "[THINK]",
    close: "[/THINK]",
    isOpen: false,
  });
  assertEquals(
    await reasoningWith(
      "{% if add_generation_prompt %}{{ '<|start|>assistant<|channel|>analysis<|message|>' }}{% endif %}",
    ),
    {
      open: "<|channel|>analysis<|message|>",
      close: "<|end|>",
      isOpen: true,
    },
  );
});

Deno.test("a text completion has no reasoning phase", async () => {
  await using double = engine(["x"]);
  await events(double, { input: { type: "text", text: "<think>" }, reasoningBudget: 3 });
  assertEquals(double.requests[0]?.reasoning, undefined);
});

Deno.test("log probabilities are reported for reasoning too", async () => {
  await using double = engine(["<think>", "a", "</think>", "b"]);
  const all = await events(double, { logprobs: 0 });
  const counts = all.flatMap((event) =>
    "logprobs" in event ? [[event.type, event.logprobs.length]] : []
  );
  assertEquals(counts, [["reasoning", 2], ["text", 2]]);
});

Deno.test("reasoning is separated from text for any piece sizes", async () => {
  const text = "<think>\nI wonder.\n</think>\n\nYes <think>.";
  for (const size of [1, 2, 3, 7, text.length]) {
    const tokens = text.match(new RegExp(`[^]{1,${size}}`, "g"))!;
    await using double = engine(tokens);
    const all = await events(double);
    assertEquals(joined(all, "reasoning"), "I wonder.");
    assertEquals(joined(all, "text"), "Yes <think>.");
  }
});

Deno.test("reasoning opened by the prompt needs no opening tag", async () => {
  await using double = engine(["So", ".</thi", "nk>", "Yes"], {
    info: { chatTemplate: "{{ '<|im_start|>assistant\\n<think>\\n' }}" },
  });
  const all = await events(double);
  assertEquals([joined(all, "reasoning"), joined(all, "text")], ["So.", "Yes"]);
});

Deno.test("a grammar applies after reasoning opened by the prompt", async () => {
  await using double = engine(["x"], { info: { chatTemplate: "{{ '<think>\\n' }}" } });
  await events(double, { format: { type: "grammar", source: 'root ::= "x"' } });
  const source = double.requests[0]?.grammar?.source ?? "";
  assert(
    source.startsWith('root ::= chat-until-0 "</think>" [ \\t\\r\\n]* ( chat-part-0-root )\n'),
  );
  assert(source.includes('\nchat-part-0-root ::= "x"\n'));
});

Deno.test("a tool call streams its arguments and ends the answer", async () => {
  const text =
    'Let me see.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n' +
    '</tool_call>\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>';
  for (const size of [1, 5, text.length]) {
    await using double = engine(text.match(new RegExp(`[^]{1,${size}}`, "g"))!);
    const all = await events(double, { input: chatInput({ tools: [weather] }) });
    assertEquals(joined(all, "text"), "Let me see.");
    const calls = all.filter((event) => event.type === "tool_call");
    assertEquals(calls.map(({ index, name }) => [index, name]), [
      [0, "get_weather"],
      [1, "get_weather"],
    ]);
    assertEquals(new Set(calls.map(({ id }) => id)).size, 2);
    assertEquals(joined(all, "tool_arguments"), '{"city": "Paris"}{"city": "Rome"}');
    assertEquals(finish(all).finishReason, "tool_calls");
  }
});

Deno.test("without tools a tag is text", async () => {
  await using double = engine(["<tool_call>", "x"]);
  assertEquals(joined(await events(double), "text"), "<tool_call>x");
});

Deno.test("text that only looks like a call is emitted without its tags", async () => {
  await using double = engine(['<tool_call>{"no": 1}', "</tool_call> end"]);
  const all = await events(double, { input: chatInput({ tools: [weather] }) });
  assertEquals(joined(all, "text"), '{"no": 1} end');
  assertEquals(finish(all).finishReason, "stop");
});

Deno.test("control tokens that are markers are requested, others stay hidden", async () => {
  const call = ["<tool_call>", '{"name": "get_weather"}', "</tool_call>", "<|im_end|>"];
  const controlTokens = ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"];
  await using double = engine(["Hi", ...call], { info: { controlTokens } });
  const all = await events(double, { input: chatInput({ tools: [weather] }) });
  assertEquals(double.requests[0]?.specialText, true);
  assertEquals(joined(all, "text"), "Hi");
  assertEquals(joined(all, "tool_arguments"), "{}");
});

Deno.test("log probabilities are attached to the text of their tokens", async () => {
  await using double = engine(["", "é", "!"]);
  const all = await events(double, { logprobs: 1 });
  const counts = all.filter((event) => event.type === "text").map(({ logprobs }) =>
    logprobs.length
  );
  assertEquals(counts, [2, 1]);
});

Deno.test("log probabilities of tokens without text at the end are reported", async () => {
  await using double = engine(["a", ""]);
  const all = await events(double, { logprobs: 0, reportsTokens: true });
  const texts = all.filter((event) => event.type === "text")
    .map(({ text, logprobs, tokens }) => [text, logprobs.length, tokens]);
  assertEquals(texts, [["a", 1, [97]], ["", 1, [0]]]);
});

Deno.test("only the request's own stop strings are reported", async () => {
  await using double = engine(["one ", "STOP", "two"]);
  const all = await events(double, { stop: ["STOP"] });
  assertEquals([joined(all, "text"), finish(all).stopString], ["one ", "STOP"]);
  await using plain = engine(["one", "\nUser:"], {
    info: { chatTemplate: null, controlTokens: [] },
  });
  const bare = await events(plain);
  assertEquals([joined(bare, "text"), finish(bare).stopString], ["one", null]);
});

Deno.test("controls reach the sequence, also those sent before its start", async () => {
  await using double = engine(["x"], { script: { tokens: ["x"], endless: true } });
  const early = iterate(double, chatRequest());
  early.control({ type: "sampling", sampling: { temperature: 0.2 } });
  let seen = 0;
  for await (const event of early) {
    if (event.type === "text" && ++seen === 3) early.control({ type: "stop" });
  }
  assertGreaterOrEqual(seen, 3);
  assertEquals(double.controls.map((control) => control.type), ["sampling", "stop"]);
});

Deno.test("leaving the iteration cancels the sequence", async () => {
  await using double = engine(["x"], { script: { tokens: ["x"], endless: true } });
  for await (const _event of iterate(double, chatRequest())) break;
  while (double.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(double.controls, [{ type: "cancel" }]);
});

for (const type of ["cancel", "stop"] as const) {
  Deno.test(`a ${type} while images are fetched ends their fetching`, () => endsFetching(type));
}

async function endsFetching(type: "cancel" | "stop"): Promise<void> {
  await using double = engine(["x"], { info: { media: VISION } });
  const url = { type: "remote", url: "http://a/b", field: "image" } as const;
  const input = chatInput({ messages: [{ role: "user", ...joinContent([url], "") }] });
  const fetching = Promise.withResolvers<AbortSignal>();
  const preparer: Preparer = {
    ...inlinePreparer,
    fetchImages: (_, signal) => {
      fetching.resolve(signal!);
      return new Promise((_, reject) =>
        signal!.addEventListener("abort", () => reject(new Error("aborted")))
      );
    },
  };
  const running = iterateEvents<AnswerEvent, Answer>((sink) => {
    const started = answer(double, chatRequest({ input }), sink, preparer);
    void fetching.promise.then(() => started.control({ type }));
    return started;
  });
  assertEquals((await Array.fromAsync(running)).map((event) => event.type), ["done"]);
  assertEquals((await fetching.promise).aborted, true);
  assertEquals(double.requests, []);
}

Deno.test("leaving while waiting for a token cancels at once", async () => {
  const gate = Promise.withResolvers<void>();
  await using double = engine(["x"], { beforeToken: () => gate.promise });
  const iterator = iterate(double, chatRequest())[Symbol.asyncIterator]();
  const pending = iterator.next();
  while (double.running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const left = iterator.return!();
  assertEquals(double.controls, [{ type: "cancel" }]);
  gate.resolve();
  await Promise.all([pending, left]);
  assertEquals(double.running, 0);
});

Deno.test("errors of the template and of the engine are thrown by the iteration", async () => {
  await using refusing = engine([], { info: { chatTemplate: "{{ raise_exception('Not so') }}" } });
  await assertRejects(() => events(refusing), ShimmyError, "Not so");
  await using failing = engine([], {
    script: { tokens: ["a"], error: new ShimmyError("backend", "decode failed") },
  });
  await assertRejects(() => events(failing), ShimmyError, "decode failed");
});

Deno.test("text and tokens are answered without a template", async () => {
  await using double = engine(["<think>", "x"]);
  const all = await events(double, { input: { type: "text", text: "Once" } });
  assertEquals(joined(all, "text"), "<think>x");
  assertEquals(double.requests[0]?.prompt, [{ text: "Once", special: true }]);
});

Deno.test("tokens are counted as the engine counts the whole prompt", async () => {
  await using double = engine([], { info: { bosText: "<|endoftext|>" } });
  const text = "user\nHi\nassistant\n";
  assertEquals(await countTokens(double, chatInput()), text.length + 4);
});

const strange: readonly (readonly [source: string, message: string])[] = [
  ['root ::= "a', 'grammar: line 1, column 10: the literal is not closed: it needs a second "'],
  ["root ::= a", "grammar: line 1, column 10: there is no rule named 'a'"],
  [
    "root ::= <|im_end|> <nothing>",
    "grammar: line 1, column 21: <nothing> is not a single token of the model's vocabulary",
  ],
];

for (const [source, message] of strange) {
  Deno.test(`a grammar is refused before it reaches the engine: ${source}`, async () => {
    await using double = engine(["x"]);
    const error = await assertRejects(
      () => events(double, { format: { type: "grammar", source } }),
      ShimmyError,
    );
    assertEquals([error.kind, error.field, error.message], ["invalid", "grammar", message]);
    assertEquals(double.requests, []);
  });
}

Deno.test("a default system message is counted and used where the conversation has none", async () => {
  await using double = engine(["a"]);
  const texts: string[] = [];
  const configured = {
    ...double,
    info: double.info,
    defaultSystem: "Be brief",
    generate: double.generate.bind(double),
    countTokens: (prompt: readonly PromptPart[]) => {
      texts.push(prompt.map((part) => "text" in part ? part.text : "").join(""));
      return Promise.resolve(1);
    },
  } as unknown as Engine;
  await countTokens(configured, chatInput());
  const developer = { role: "developer", content: "Be long" } as const;
  await countTokens(
    configured,
    chatInput({ messages: [developer, { role: "user", content: "Hi" }] }),
  );
  assertEquals(texts.map((text) => text.includes("Be brief")), [true, false]);
  await Array.fromAsync(iterate(configured, chatRequest()));
  const prompt = double.requests[0]!.prompt.map((part) => "text" in part ? part.text : "").join("");
  assert(prompt.includes("Be brief"));
});

Deno.test("the model's messages come between the system message and the conversation", async () => {
  await using double = engine(["a"]);
  const texts: string[] = [];
  const configured = {
    ...double,
    info: double.info,
    defaultSystem: "Be brief",
    defaultMessages: [{ role: "user", content: "Ahoy" }, { role: "assistant", content: "Arr" }],
    countTokens: (prompt: readonly PromptPart[]) => {
      texts.push(prompt.map((part) => "text" in part ? part.text : "").join(""));
      return Promise.resolve(1);
    },
  } as unknown as Engine;
  const user = { role: "user", content: "Land?" } as const;
  await countTokens(configured, chatInput({ messages: [user] }));
  await countTokens(
    configured,
    chatInput({ messages: [{ role: "system", content: "Shout" }, user] }),
  );
  await countTokens(configured, chatInput({ messages: [user], prefix: [1] }));
  const order = (text: string) =>
    ["Be brief", "Shout", "Ahoy", "Arr", "Land?"].filter((part) => text.includes(part))
      .sort((a, b) => text.indexOf(a) - text.indexOf(b));
  assertEquals(texts.map(order), [
    ["Be brief", "Ahoy", "Arr", "Land?"],
    ["Shout", "Ahoy", "Arr", "Land?"],
    ["Be brief", "Land?"],
  ]);
});
