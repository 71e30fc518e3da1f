import { assertEquals } from "@std/assert";
import type { SequenceRequest } from "../../engine/protocol/mod.ts";
import { readEvents, serverDouble } from "../../../tests/doubles/server.ts";
import { anthropicRoutes } from "./anthropic/mod.ts";
import { ollamaRoutes } from "./ollama/mod.ts";
import { openaiRoutes } from "./openai/mod.ts";

/** Answers that are cut inside a tool call, by the token limit or by a stop string. */
const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>';
const IN_NAME = CALL.indexOf("weather");
const BEFORE_ARGUMENTS = CALL.indexOf(", ");
const IN_ARGUMENTS = CALL.indexOf("aris");
const IN_CLOSE = CALL.indexOf("call>", 20);

const parameters = { type: "object", properties: { city: { type: "string" } } };
const HELLO = [{ role: "user", content: "Hello" }];
const CHAT = {
  model: "double",
  messages: HELLO,
  tools: [{ type: "function", function: { name: "get_weather", parameters } }],
};
const MESSAGES = {
  model: "double",
  messages: HELLO,
  tools: [{ name: "get_weather", input_schema: parameters }],
};
const RESPONSES = {
  model: "double",
  input: "Hello",
  tools: [{ type: "function", name: "get_weather", parameters }],
};

function server() {
  return serverDouble({
    routes: [...openaiRoutes, ...anthropicRoutes, ...ollamaRoutes],
    engine: { script: (_: SequenceRequest) => ({ tokens: [...CALL] }) },
  });
}

// deno-lint-ignore no-explicit-any
type Json = any;

async function json(path: string, body: Json): Promise<Json> {
  const response = await server().request(path, body);
  const answer = await response.json();
  assertEquals(response.status, 200, JSON.stringify(answer));
  return answer;
}

async function events(path: string, body: Json): Promise<Json[]> {
  const response = await server().request(path, { ...body, stream: true });
  return (await readEvents(response)).filter(({ data }) => data !== "[DONE]")
    .map(({ data }) => JSON.parse(data));
}

/** Content, name and arguments of the call, and finish reason of a chat completion. */
async function chat(body: Json): Promise<Json[]> {
  const asked = { ...CHAT, ...body };
  const { choices: [whole] } = await json("/v1/chat/completions", asked);
  const call = whole.message.tool_calls?.[0].function;
  const found = [whole.message.content ?? "", call?.name, call?.arguments, whole.finish_reason];
  const deltas = (await events("/v1/chat/completions", asked)).map(({ choices: [choice] }) =>
    choice
  );
  const calls = deltas.flatMap(({ delta }) => delta.tool_calls ?? []);
  const streamed = [
    deltas.map(({ delta }) => delta.content ?? "").join(""),
    calls[0]?.function.name,
    calls.length === 0 ? undefined : calls.map((one) => one.function.arguments).join(""),
    deltas.at(-1).finish_reason,
  ];
  assertEquals(streamed, found);
  return found;
}

Deno.test("chat completions: a cut call has the text that there is, and is not finished", async () => {
  assertEquals(await chat({ max_tokens: 6 }), ["", undefined, undefined, "length"]);
  assertEquals(await chat({ max_tokens: IN_NAME }), ["", undefined, undefined, "length"]);
  assertEquals(await chat({ max_tokens: BEFORE_ARGUMENTS }), ["", "get_weather", "", "length"]);
  assertEquals(await chat({ max_tokens: IN_ARGUMENTS }), [
    "",
    "get_weather",
    '{"city": "P',
    "length",
  ]);
  const whole = ["", "get_weather", '{"city": "Paris"}'];
  assertEquals(await chat({ max_tokens: IN_CLOSE }), [...whole, "length"]);
  assertEquals(await chat({ stop: ["weather"] }), ["", undefined, undefined, "stop"]);
  assertEquals(await chat({ stop: ["aris"] }), ["", "get_weather", '{"city": "P', "stop"]);
  assertEquals(await chat({ stop: ["</tool_call>"] }), [...whole, "tool_calls"]);
  assertEquals(await chat({}), [...whole, "tool_calls"]);
});

async function response(body: Json): Promise<Json[]> {
  const asked = { ...RESPONSES, ...body };
  const { status, incomplete_details, output } = await json("/v1/responses", asked);
  const items = (list: Json[]) =>
    list.map((item) =>
      item.type === "message"
        ? [item.status, ...item.content.map(({ text }: Json) => text)]
        : [item.status, item.name, item.arguments]
    );
  const streamed = (await events("/v1/responses", asked)).at(-1);
  assertEquals(streamed.type, `response.${status}`);
  assertEquals(items(streamed.response.output), items(output));
  return [status, incomplete_details?.reason, ...items(output)];
}

Deno.test("responses: the item of a cut call is incomplete", async () => {
  const cut = ["incomplete", "max_output_tokens"];
  assertEquals(await response({ max_output_tokens: IN_NAME }), [...cut, ["incomplete", ""]]);
  assertEquals(await response({ max_output_tokens: BEFORE_ARGUMENTS }), [
    ...cut,
    ["incomplete", "get_weather", ""],
  ]);
  assertEquals(await response({ max_output_tokens: IN_ARGUMENTS }), [
    ...cut,
    ["incomplete", "get_weather", '{"city": "P'],
  ]);
  const whole = ["completed", "get_weather", '{"city": "Paris"}'];
  assertEquals(await response({ max_output_tokens: IN_CLOSE }), [...cut, whole]);
  assertEquals(await response({}), ["completed", undefined, whole]);
});

/** Blocks, stop reason and stop sequence of a message. */
async function message(body: Json): Promise<Json[]> {
  const asked = { ...MESSAGES, max_tokens: 500, ...body };
  const { content, stop_reason, stop_sequence } = await json("/v1/messages", asked);
  const streamed = await events("/v1/messages", asked);
  const { delta } = streamed.find(({ type }) => type === "message_delta");
  assertEquals([delta.stop_reason, delta.stop_sequence], [stop_reason, stop_sequence]);
  const starts = streamed.filter(({ type }) => type === "content_block_start");
  assertEquals(
    starts.map(({ content_block: { type, name } }) => [type, name]),
    content.map(({ type, name }: Json) => [type, name]),
  );
  const text = streamed.map(({ delta }) => delta?.partial_json ?? "").join("");
  return [
    content.map(({ type, name, input }: Json) => [type, name, input]),
    text,
    stop_reason,
    stop_sequence,
  ];
}

Deno.test("messages: a cut call has no input, and its stop reason is not tool_use", async () => {
  const empty = [["tool_use", "get_weather", {}]];
  assertEquals(await message({ max_tokens: IN_NAME }), [[], "", "max_tokens", null]);
  assertEquals(await message({ max_tokens: BEFORE_ARGUMENTS }), [empty, "", "max_tokens", null]);
  assertEquals(await message({ max_tokens: IN_ARGUMENTS }), [
    empty,
    '{"city": "P',
    "max_tokens",
    null,
  ]);
  const stopped = await message({ stop_sequences: ["aris"] });
  assertEquals(stopped, [empty, '{"city": "P', "stop_sequence", "aris"]);
  const whole = [["tool_use", "get_weather", { city: "Paris" }]];
  const json = '{"city": "Paris"}';
  assertEquals(await message({ max_tokens: IN_CLOSE }), [whole, json, "max_tokens", null]);
  assertEquals(await message({}), [whole, json, "tool_use", null]);
});

async function ollama(options: Json): Promise<Json[]> {
  const asked = { ...CHAT, options };
  const whole = await json("/api/chat", { ...asked, stream: false });
  const lines: Json[] = (await (await server().request("/api/chat", asked)).text())
    .trim().split("\n").map((line) => JSON.parse(line));
  const calls = (all: Json[]) =>
    all.flatMap(({ message }) => message.tool_calls ?? [])
      .map((call: Json) => [call.function.name, call.function.arguments]);
  assertEquals(calls(lines), calls([whole]));
  assertEquals(lines.at(-1).done_reason, whole.done_reason);
  assertEquals(lines.map(({ message }) => message.content).join(""), whole.message.content);
  return [whole.message.content, calls([whole]), whole.done_reason];
}

Deno.test("Ollama: a cut call has no arguments", async () => {
  const empty = [["get_weather", {}]];
  assertEquals(await ollama({ num_predict: IN_NAME }), ["", [], "length"]);
  assertEquals(await ollama({ num_predict: BEFORE_ARGUMENTS }), ["", empty, "length"]);
  assertEquals(await ollama({ num_predict: IN_ARGUMENTS }), ["", empty, "length"]);
  const whole = [["get_weather", { city: "Paris" }]];
  assertEquals(await ollama({ num_predict: IN_CLOSE }), ["", whole, "length"]);
  assertEquals(await ollama({}), ["", whole, "stop"]);
});
