import { assertEquals } from "@std/assert";
import { adaptMessages } from "./adapt_messages.ts";
import type { TemplateMessage } from "./template_message.ts";

const call = { type: "function", function: { name: "f", arguments: {} }, id: "1" } as const;
const calling: TemplateMessage = {
  role: "assistant",
  content: "Remark",
  reasoning_content: "Thought",
  tool_calls: [call],
};

Deno.test("messages are unchanged if the template needs no adaptation", () => {
  assertEquals(adaptMessages([calling], "{{ message.reasoning_content }}", []), [calling]);
});

Deno.test("GPT-OSS gets reasoning as thinking and no content with a call", () => {
  const template = "{{ message.thinking }}<|channel|>";
  assertEquals(adaptMessages([calling], template, []), [
    { ...calling, thinking: "Thought", content: "" },
  ]);
});

Deno.test("Solar gets the reasoning under its name", () => {
  assertEquals(adaptMessages([calling], "{{ message.reasoning }}", [])[0]?.reasoning, "Thought");
});

Deno.test("Ministral gets the reasoning as a part of the content", () => {
  const [message] = adaptMessages([calling], "[SYSTEM_PROMPT][ARGS][THINK]", []);
  assertEquals(message?.content, [
    { type: "thinking", thinking: "Thought" },
    { type: "text", text: "Remark" },
  ]);
  assertEquals(message?.reasoning_content, undefined);
});

Deno.test("Phi gets the tools in the system message", () => {
  const template = "{% if 'tools' in message %}";
  const tools = [{ name: "f", description: "d", parameters: {} }];
  const text = '[{"name":"f","description":"d","parameters":{}}]';
  const user = { role: "user", content: "Hi" };
  assertEquals(adaptMessages([user], template, tools), [
    { role: "system", content: "", tools: text },
    user,
  ]);
  assertEquals(adaptMessages([{ role: "system", content: "S" }], template, tools), [
    { role: "system", content: "S", tools: text },
  ]);
});

Deno.test("the first Gemma 4 gets results inside the message with the calls", () => {
  const template = "'<|tool_call>call:' tool_responses";
  const messages: TemplateMessage[] = [
    { ...calling, content: "" },
    { role: "tool", content: '{"a": 1}', name: "f" },
    { role: "tool", content: "plain", name: "g" },
    { role: "assistant", content: "Done" },
    { role: "user", content: "Thanks" },
  ];
  assertEquals(adaptMessages(messages, template, []), [
    {
      ...calling,
      content: "Done",
      tool_responses: [{ name: "f", response: { a: 1 } }, { name: "g", response: "plain" }],
    },
    { role: "user", content: "Thanks" },
  ]);
});
