import { assertEquals } from "@std/assert";
import { toConversation } from "./conversation.ts";
import { encodeReasoning } from "./reasoning.ts";

Deno.test("text parts are lines; reasoning, text and calls of the assistant become one message", () => {
  const messages = toConversation([
    {
      role: "user",
      content: [{ type: "input_text", text: "Add." }, { type: "input_text", text: "Multiply." }],
    },
    { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "Hm." }] },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "Adding." }] },
    { type: "function_call", call_id: "c1", name: "add", arguments: "{}" },
    { type: "function_call", call_id: "c2", name: "mul", arguments: "{}" },
    { type: "function_call_output", call_id: "c1", output: "1" },
    {
      type: "function_call_output",
      call_id: "c2",
      output: [{ type: "input_text", text: "2" }],
    },
  ]);
  assertEquals(messages, [
    { role: "user", content: "Add.\nMultiply." },
    {
      role: "assistant",
      content: "Adding.",
      reasoning: "Hm.",
      toolCalls: [
        { id: "c1", name: "add", arguments: "{}" },
        { id: "c2", name: "mul", arguments: "{}" },
      ],
    },
    { role: "tool", content: "1", name: "add", toolCallId: "c1" },
    { role: "tool", content: "2", name: "mul", toolCallId: "c2" },
  ]);
});

Deno.test("two answers in a row stay two messages", () => {
  const messages = toConversation([
    { role: "assistant", content: "One" },
    { role: "assistant", content: "Two" },
    { type: "function_call", call_id: "c", name: "add", arguments: "{}" },
    { type: "reasoning", summary: [{ type: "summary_text", text: "Then" }] },
    { role: "assistant", content: "Three" },
  ]);
  assertEquals(messages, [
    { role: "assistant", content: "One" },
    {
      role: "assistant",
      content: "Two",
      toolCalls: [{ id: "c", name: "add", arguments: "{}" }],
    },
    { role: "assistant", content: "Three", reasoning: "Then" },
  ]);
});

Deno.test("reasoning is taken from where the client kept it, whole before opaque before summary", () => {
  const summary = [{ type: "summary_text" as const, text: "Short" }];
  const content = [{ type: "reasoning_text" as const, text: "Whole" }];
  const encrypted_content = encodeReasoning("Grüße");
  const thought = (item: Parameters<typeof toConversation>[0][number]) =>
    toConversation([item])[0]!.reasoning;
  assertEquals(thought({ type: "reasoning", summary, content, encrypted_content }), "Whole");
  assertEquals(thought({ type: "reasoning", summary, encrypted_content }), "Grüße");
  assertEquals(thought({ type: "reasoning", summary }), "Short");
});
