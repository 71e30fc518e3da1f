import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../../errors.ts";
import { parse } from "../../../validation/validate.ts";
import { chatBody, toChatRequest } from "./chat_schema.ts";

const HELLO = [{ role: "user", content: "Hello" }];

/** The request a body becomes. */
function requestOf(fields: Record<string, unknown>) {
  return toChatRequest(parse(chatBody, { messages: HELLO, ...fields }));
}

/** The message and field with which a body is refused. */
function refusalOf(fields: Record<string, unknown>) {
  const error = assertThrows(() => requestOf(fields), ShimmyError);
  assertEquals(error.kind, "invalid");
  return { message: error.message, field: error.field };
}

const TOOL = {
  type: "function",
  function: { name: "get_weather", parameters: { type: "object" } },
};

Deno.test("every generation field reaches the engine's request", () => {
  const request = requestOf({
    temperature: 0.5,
    top_p: 0.9,
    top_k: 7,
    min_p: 0.1,
    seed: 42,
    presence_penalty: 1,
    frequency_penalty: -1,
    repeat_penalty: 1.1,
    dry_multiplier: 0.8,
    xtc_probability: 0.2,
    mirostat: 2,
    logit_bias: { "5": -100, "6": 1.5 },
    stop: ["a", "b"],
    max_completion_tokens: 9,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: 3,
  });
  assertEquals(request.sampling, {
    temperature: 0.5,
    topP: 0.9,
    topK: 7,
    minP: 0.1,
    seed: 42,
    presencePenalty: 1,
    frequencyPenalty: -1,
    repeatPenalty: 1.1,
    dryMultiplier: 0.8,
    xtcProbability: 0.2,
    mirostat: 2,
    logitBias: [{ token: 5, bias: -100 }, { token: 6, bias: 1.5 }],
  });
  assertEquals(request.stop, ["a", "b"]);
  assertEquals(request.maxTokens, 9);
  assertEquals(request.ignoreEos, true);
  assertEquals(request.logprobs, 3);
});

Deno.test("null means absent for every field of OpenAI's API", () => {
  const fields = Object.fromEntries(
    Object.keys(chatBody.shape).filter((name) => name !== "messages").map((name) => [name, null]),
  );
  assertEquals(requestOf(fields), requestOf({}));
});

for (
  const [field, value, message] of [
    ["audio", { voice: "alloy", format: "mp3" }, "audio: answers have no audio"],
    ["modalities", ["text", "audio"], "modalities[1]: only text is supported"],
    [
      "prediction",
      { type: "content", content: "x" },
      "prediction: predicted outputs are not supported",
    ],
    ["web_search_options", {}, "web_search_options: web search is not supported"],
    ["functions", [], "functions: is deprecated and not supported; use tools"],
    ["function_call", "auto", "function_call: is deprecated and not supported; use tool_choice"],
    ["moderation", { model: "m" }, "moderation: moderation is not supported"],
    ["lora", {}, "lora: must be a list of {name, scale} with a scale from -10 to 10"],
    [
      "store",
      true,
      "store: chat completions are not stored; responses are (/v1/responses)",
    ],
    ["service_tier", "flex", "service_tier: must be auto or default: there are no other tiers"],
    ["temprature", 1, "temprature: is not a known field"],
    [
      "stream_options",
      { include_usage: true },
      "stream_options: can only be set when stream is true",
    ],
    ["top_logprobs", 2, "top_logprobs: can only be set when logprobs is true"],
    ["n", 0, "n: must be a whole number from 1 to 128"],
    ["messages", [], "messages: must have at least one message"],
  ] as const
) {
  Deno.test(`${field} of ${JSON.stringify(value)} is refused by name`, () => {
    const refusal = refusalOf({ [field]: value });
    assertEquals(refusal.message, message);
    assertEquals(refusal.field?.split(/[.[]/)[0], field);
  });
}

Deno.test("a sound is a part of a message, whatever format it names", () => {
  const audio = { type: "input_audio", input_audio: { data: "aGVsbG8=", format: "mp3" } };
  const content = [{ type: "text", text: "What is this?" }, audio];
  const { input } = requestOf({ messages: [{ role: "user", content }] });
  const [message] = input.type === "chat" ? input.messages : [];
  assertEquals(message?.media, [{
    type: "audio",
    bytes: new TextEncoder().encode("hello"),
    field: "messages[0].content[1].input_audio.data",
  }]);
});

Deno.test("a sound that is not base64 is refused where it stands, and so are files", () => {
  const refused = (part: Record<string, unknown>) => {
    const content = [{ type: "text", text: "What is this?" }, part];
    return refusalOf({ messages: [{ role: "user", content }] });
  };
  assertEquals(refused({ type: "input_audio", input_audio: { data: "", format: "wav" } }), {
    message: "messages[0].content[1].input_audio.data: must be a sound in base64",
    field: "messages[0].content[1].input_audio.data",
  });
  assertEquals(refused({ type: "file", file: {} }), {
    message:
      'messages[0].content[1].type: "file" is not supported: only text, images and audio are',
    field: "messages[0].content[1].type",
  });
});

Deno.test("an image that is no data URL is refused where it stands", () => {
  const image = { type: "image_url", image_url: { url: "file:///a.png" } };
  const content = [{ type: "text", text: "What is this?" }, image];
  assertEquals(refusalOf({ messages: [{ role: "user", content }] }), {
    message:
      "messages[0].content[1].image_url.url: must be a data: URL with base64, or one of http(s)",
    field: "messages[0].content[1].image_url.url",
  });
});

Deno.test("text and images of a message keep their order", () => {
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } };
  const content = [{ type: "text", text: "Before" }, image, { type: "text", text: "after" }];
  const { input } = requestOf({ messages: [{ role: "user", content }] });
  const [message] = input.type === "chat" ? input.messages : [];
  assertMatch(message!.content, /^Before\[image [\w-]+\]after$/);
  assertEquals(
    message!.media?.map((one) => "bytes" in one ? new TextDecoder().decode(one.bytes) : one.url),
    ["hi"],
  );
});

Deno.test("two limits that differ are refused, two that agree are not", () => {
  assertEquals(
    refusalOf({ max_tokens: 5, max_completion_tokens: 6 }).message,
    "max_tokens: cannot be combined with max_completion_tokens",
  );
  assertEquals(requestOf({ max_tokens: 5, max_completion_tokens: 5 }).maxTokens, 5);
});

Deno.test("text parts are lines, and tool results learn the name of their tool", () => {
  const { input } = requestOf({
    messages: [
      {
        role: "developer",
        content: [{ type: "text", text: "Be kind." }, { type: "text", text: "Be short." }],
      },
      { role: "user", content: "Weather?", name: "Ann" },
      {
        role: "assistant",
        content: null,
        reasoning_content: "I must look.",
        tool_calls: [{
          id: "call_1",
          type: "function",
          function: { name: "get_weather", arguments: "{}" },
        }],
      },
      { role: "tool", tool_call_id: "call_1", content: "sunny" },
    ],
    tools: [TOOL],
  });
  assertEquals(input.type === "chat" ? input.messages : [], [
    { role: "developer", content: "Be kind.\nBe short." },
    { role: "user", content: "Weather?", name: "Ann" },
    {
      role: "assistant",
      content: "",
      reasoning: "I must look.",
      toolCalls: [{ id: "call_1", name: "get_weather", arguments: "{}" }],
    },
    { role: "tool", content: "sunny", name: "get_weather", toolCallId: "call_1" },
  ]);
});

Deno.test("tool choices become the engine's", () => {
  const choiceOf = (tool_choice: unknown, tools: unknown[] = [TOOL]) => {
    const { input } = requestOf({ tools, tool_choice });
    return input.type === "chat" ? input.toolChoice : null;
  };
  assertEquals(choiceOf(undefined), { type: "auto" });
  assertEquals(choiceOf(undefined, []), { type: "none" });
  assertEquals(choiceOf("required"), { type: "required" });
  assertEquals(choiceOf({ type: "function", function: { name: "get_weather" } }), {
    type: "named",
    name: "get_weather",
  });
});

Deno.test("allowed tools leave out the others", () => {
  const other = { type: "function", function: { name: "add" } };
  const { input } = requestOf({
    tools: [TOOL, other],
    tool_choice: {
      type: "allowed_tools",
      allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "add" } }] },
    },
  });
  assertEquals(input.type === "chat" && input.tools.map(({ name }) => name), ["add"]);
  assertEquals(input.type === "chat" && input.toolChoice, { type: "required" });
});

Deno.test("a choice of a tool that is not there is refused", () => {
  assertEquals(
    refusalOf({ tools: [TOOL], tool_choice: { type: "function", function: { name: "fly" } } }),
    { message: "tool_choice: there is no tool 'fly'", field: "tool_choice" },
  );
  assertEquals(
    refusalOf({ tool_choice: "required" }).message,
    "tool_choice: required needs at least one tool",
  );
  assertEquals(refusalOf({ tools: [TOOL, TOOL] }).message, "tools: 'get_weather' is not unique");
  assertEquals(
    refusalOf({ tools: [{ type: "custom", custom: { name: "x" } }] }).message,
    'tools[0].type: "custom" is not supported: only function tools are',
  );
});

Deno.test("response formats and grammars become the engine's format", () => {
  const schema = { type: "object" };
  const format = (fields: Record<string, unknown>) => requestOf(fields).format;
  assertEquals(format({}), { type: "text" });
  assertEquals(format({ response_format: { type: "json_object" } }), { type: "json_object" });
  assertEquals(
    format({
      response_format: { type: "json_schema", json_schema: { name: "x", schema, strict: true } },
    }),
    { type: "json_schema", schema, field: "response_format.json_schema.schema" },
  );
  const source = 'root ::= "a"';
  assertEquals(format({ grammar: source }), { type: "grammar", source, field: "grammar" });
  assertEquals(
    refusalOf({ grammar: source, response_format: { type: "json_object" } }).field,
    "grammar",
  );
});

Deno.test("the forms of vLLM, SGLang and llama-server become the engine's format", () => {
  const schema = { type: "object" };
  const ofSchema = (field: string) => ({ type: "json_schema", schema, field });
  const ofPattern = (field: string) => ({ type: "regex", pattern: "a+", field });
  const ofGrammar = (field: string) => ({ type: "grammar", source: "root ::= [a]", field });
  const ofTexts = { type: "choice", texts: ["a", "b"] };
  const inner = (fields: Record<string, unknown>) => ({ structured_outputs: fields });
  const forms: readonly (readonly [Record<string, unknown>, unknown])[] = [
    [{ response_format: { type: "json_object", schema } }, ofSchema("response_format.schema")],
    [{ response_format: { type: "json_schema", schema } }, ofSchema("response_format.schema")],
    [{ json_schema: schema }, ofSchema("json_schema")],
    [{ json_schema: JSON.stringify(schema) }, ofSchema("json_schema")],
    [{ guided_json: JSON.stringify(schema) }, ofSchema("guided_json")],
    [inner({ json: schema }), ofSchema("structured_outputs.json")],
    [inner({ json_object: true }), { type: "json_object" }],
    [inner({ json_object: false, json: null }), { type: "text" }],
    [inner({ regex: "a+" }), ofPattern("structured_outputs.regex")],
    [{ guided_regex: "a+" }, ofPattern("guided_regex")],
    [{ regex: "a+" }, ofPattern("regex")],
    [inner({ grammar: "root ::= [a]" }), ofGrammar("structured_outputs.grammar")],
    [{ guided_grammar: "root ::= [a]" }, ofGrammar("guided_grammar")],
    [{ ebnf: "root ::= [a]" }, ofGrammar("ebnf")],
    [inner({ choice: ["a", "b"] }), ofTexts],
    [{ guided_choice: ["a", "b"] }, ofTexts],
  ];
  for (const [fields, expected] of forms) assertEquals(requestOf(fields).format, expected as never);
});

const refusedFormats: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ guided_json: "{" }, "guided_json: must be a JSON Schema: an object, or its JSON text"],
  [{ regex: "a", ebnf: "root ::= [a]" }, "ebnf: cannot be combined with regex"],
  [
    { structured_outputs: { regex: "a", choice: ["a"] } },
    "structured_outputs.choice: cannot be combined with structured_outputs.regex",
  ],
  [{ guided_choice: [] }, "guided_choice: must be a list of 1 to 1000 texts, none empty"],
  [
    { structured_outputs: { structural_tag: "{}" } },
    "structured_outputs.structural_tag: structural tags are not supported; use tools, json_schema " +
    "or a grammar",
  ],
  [
    { response_format: { type: "structural_tag", structures: [], triggers: [] } },
    "response_format.type: structural tags are not supported; use tools, json_schema or a grammar",
  ],
  [
    { response_format: { type: "json_schema" } },
    "response_format.json_schema: must be an object with the schema",
  ],
];

for (const [fields, message] of refusedFormats) {
  Deno.test(`the format ${JSON.stringify(fields)} is refused by name`, () => {
    assertEquals(refusalOf(fields).message, message);
  });
}

Deno.test("cache_prompt reaches the engine's request", () => {
  assertEquals(requestOf({ cache_prompt: false }).cachePrompt, false);
  assertEquals("cachePrompt" in requestOf({ cache_prompt: null }), false);
});

Deno.test("a reasoning effort reaches the template, and its arguments win over it", () => {
  const argumentsOf = (fields: Record<string, unknown>) => {
    const { input } = requestOf(fields);
    return input.type === "chat" ? input.templateArguments : null;
  };
  assertEquals(argumentsOf({ reasoning_effort: "none" }), {
    reasoning_effort: "low",
    enable_thinking: false,
    thinking: false,
  });
  assertEquals(
    argumentsOf({ reasoning_effort: "high", chat_template_kwargs: { enable_thinking: false } }),
    { reasoning_effort: "high", enable_thinking: false, thinking: true },
  );
});

Deno.test("a last assistant message is continued unless vLLM's fields disable it", () => {
  const call = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
  const last = { role: "assistant", content: "Hel" };
  const inputOf = (fields: Record<string, unknown>, message: object = last) => {
    const { input } = requestOf({ messages: [...HELLO, message], ...fields });
    assertEquals(input.type, "chat");
    return input.type === "chat" ? [input.continueLast, input.addGenerationPrompt] : [];
  };
  assertEquals(inputOf({}), [true, true]);
  assertEquals(inputOf({ continue_final_message: true, add_generation_prompt: false }), [
    true,
    false,
  ]);
  assertEquals(inputOf({ continue_final_message: false }), [false, true]);
  assertEquals(inputOf({ add_generation_prompt: true }), [false, true]);
  assertEquals(inputOf({ add_generation_prompt: false }), [false, false]);
  assertEquals(inputOf({}, { ...last, tool_calls: [call] }), [false, true]);
  assertEquals(inputOf({}, HELLO[0]), [false, true]);
});

Deno.test("only a last assistant message can be continued, and not with a new one", () => {
  assertEquals(refusalOf({ continue_final_message: true }), {
    message: "continue_final_message: the last message must be of the assistant",
    field: "continue_final_message",
  });
  assertEquals(refusalOf({ continue_final_message: true, add_generation_prompt: true }), {
    message: "continue_final_message: cannot be combined with add_generation_prompt",
    field: "continue_final_message",
  });
});
