import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../errors.ts";
import { parse } from "../../validation/validate.ts";
import { toAnswerRequest } from "./request.ts";
import { messagesBody } from "./schema.ts";

const WEATHER = {
  name: "get_weather",
  description: "The weather",
  input_schema: { type: "object", properties: { city: { type: "string" } } },
};

function request(fields: Record<string, unknown>) {
  return toAnswerRequest(parse(messagesBody, {
    model: "double",
    max_tokens: 2048,
    messages: [{ role: "user", content: "Hello" }],
    ...fields,
  }));
}

function chatOf(fields: Record<string, unknown>) {
  const { input } = request(fields);
  if (input.type !== "chat") throw new TypeError("not a conversation");
  return input;
}

function refusal(fields: Record<string, unknown>): string {
  return assertThrows(() => request(fields), ShimmyError).message;
}

Deno.test("sampling, stops and the limit reach the request", () => {
  const { sampling, stop, maxTokens, format } = request({
    temperature: 0.5,
    top_k: 7,
    top_p: 0.9,
    stop_sequences: ["END"],
  });
  assertEquals(sampling, { temperature: 0.5, topK: 7, topP: 0.9 });
  assertEquals({ stop, maxTokens, format }, {
    stop: ["END"],
    maxTokens: 2048,
    format: { type: "text" },
  });
});

Deno.test("each tool_choice becomes the choice it means", () => {
  const choice = (tool_choice: unknown) => chatOf({ tools: [WEATHER], tool_choice }).toolChoice;
  assertEquals(choice({ type: "auto" }), { type: "auto" });
  assertEquals(choice({ type: "any" }), { type: "required" });
  assertEquals(choice({ type: "none" }), { type: "none" });
  assertEquals(choice({ type: "tool", name: "get_weather" }), {
    type: "named",
    name: "get_weather",
  });
});

Deno.test("a tool_choice that no tool can meet is refused", () => {
  assertEquals(
    refusal({ tool_choice: { type: "any" } }),
    "tool_choice: any requires at least one tool",
  );
  assertEquals(
    refusal({ tools: [WEATHER], tool_choice: { type: "tool", name: "get_time" } }),
    "tool_choice.name: there is no tool 'get_time'",
  );
  assertEquals(refusal({ tools: [WEATHER, WEATHER] }), "tools: 'get_weather' is not unique");
});

Deno.test("disable_parallel_tool_use allows one call", () => {
  const tools = [WEATHER];
  assertEquals(chatOf({ tools }).parallelToolCalls, true);
  const choice = { type: "auto", disable_parallel_tool_use: true };
  assertEquals(chatOf({ tools, tool_choice: choice }).parallelToolCalls, false);
});

Deno.test("input_examples become examples of the schema", () => {
  const [tool] = chatOf({ tools: [{ ...WEATHER, input_examples: [{ city: "Oslo" }] }] }).tools;
  assertEquals(tool?.parameters, { ...WEATHER.input_schema, examples: [{ city: "Oslo" }] });
});

Deno.test("thinking and effort become template variables", () => {
  assertEquals(chatOf({}).templateArguments, {});
  assertEquals(chatOf({ thinking: { type: "enabled", budget_tokens: 1024 } }).templateArguments, {
    enable_thinking: true,
    thinking: true,
    thinking_budget: 1024,
  });
  assertEquals(
    chatOf({ thinking: { type: "disabled" }, output_config: { effort: "max" } }).templateArguments,
    { enable_thinking: false, thinking: false, reasoning_effort: "high" },
  );
});

Deno.test("a thinking budget may be smaller than Anthropic's minimum, but not 0", () => {
  const thinking = (budget_tokens: number) => ({ thinking: { type: "enabled", budget_tokens } });
  assertEquals(
    chatOf({ max_tokens: 100, ...thinking(50) }).templateArguments["thinking_budget"],
    50,
  );
  assertEquals(refusal(thinking(0)), "thinking.budget_tokens: must be a whole number, 1 or more");
});

Deno.test("a thinking budget that max_tokens cannot hold is refused", () => {
  assertEquals(
    refusal({ max_tokens: 1024, thinking: { type: "enabled", budget_tokens: 1024 } }),
    "thinking.budget_tokens: must be less than max_tokens",
  );
});

Deno.test("a last message of the assistant is continued", () => {
  const messages = [{ role: "user", content: "Count" }, { role: "assistant", content: "1, 2," }];
  assertEquals(chatOf({ messages }).continueLast, true);
  assertEquals(chatOf({}).continueLast, false);
});

Deno.test("output_config.format and its older name bind the answer to a schema", () => {
  const format = { type: "json_schema", schema: { type: "object" } };
  const expected = { type: "json_schema" as const, schema: { type: "object" } };
  assertEquals(request({ output_config: { format } }).format, expected);
  assertEquals(request({ output_format: format }).format, expected);
  assertEquals(
    refusal({ output_format: format, output_config: { format } }),
    "output_format: cannot be combined with output_config.format, its newer name",
  );
});
