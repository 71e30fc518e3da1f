import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../../errors.ts";
import { toMessages, toTools } from "./messages.ts";

function call(name: string, args: Record<string, unknown> = {}) {
  return { function: { name, arguments: args } };
}

Deno.test("roles, thoughts and texts come through; absent content is empty", () => {
  assertEquals(
    toMessages([
      { role: "system", content: "Be brief." },
      { role: "user" },
      { role: "assistant", content: "Yes.", thinking: "Hm." },
    ]),
    [
      { role: "system", content: "Be brief." },
      { role: "user", content: "" },
      { role: "assistant", content: "Yes.", reasoning: "Hm." },
    ],
  );
});

Deno.test("results find their calls by name, and without a name in order", () => {
  const messages = toMessages([
    {
      role: "assistant",
      tool_calls: [call("add", { a: 1 }), call("get_time"), call("add", { a: 2 })],
    },
    { role: "tool", content: "noon", tool_name: "get_time" },
    { role: "tool", content: "3" },
    { role: "tool", content: "4", tool_name: "add" },
  ]);
  assertEquals(messages, [
    {
      role: "assistant",
      content: "",
      toolCalls: [
        { id: "call_0", name: "add", arguments: '{"a":1}' },
        { id: "call_1", name: "get_time", arguments: "{}" },
        { id: "call_2", name: "add", arguments: '{"a":2}' },
      ],
    },
    { role: "tool", content: "noon", name: "get_time", toolCallId: "call_1" },
    { role: "tool", content: "3", name: "add", toolCallId: "call_0" },
    { role: "tool", content: "4", name: "add", toolCallId: "call_2" },
  ]);
});

Deno.test("results find their calls by id", () => {
  const messages = toMessages([
    { role: "assistant", tool_calls: [{ id: "a", ...call("add") }, { id: "b", ...call("add") }] },
    { role: "tool", content: "4", tool_call_id: "b" },
  ]);
  assertEquals(messages[1], { role: "tool", content: "4", name: "add", toolCallId: "b" });
});

Deno.test("a result that answers no call is refused where it stands", () => {
  const error = assertThrows(
    () => toMessages([{ role: "user", content: "x" }, { role: "tool", content: "4" }]),
    ShimmyError,
  );
  assertEquals(error.field, "messages[1]");
});

Deno.test("a tool without parameters takes an empty object", () => {
  assertEquals(toTools([{ type: "function", function: { name: "now" } }]), [
    {
      name: "now",
      parameters: { type: "object", properties: {} },
      field: "tools[0].function.parameters",
    },
  ]);
});

Deno.test("two tools of one name are refused", () => {
  const tool = { type: "function" as const, function: { name: "now" } };
  assertThrows(() => toTools([tool, tool]), ShimmyError, "tools: 'now' is not unique");
});

Deno.test("images come before the text of their message", () => {
  const [message] = toMessages([{ role: "user", content: "What?", images: ["YQ==", "Yg=="] }]);
  assertEquals(message!.content.replaceAll(/\[image [\w-]+\]/g, "#"), "##What?");
  assertEquals(message!.media?.map(({ field }) => field), [
    "messages[0].images[0]",
    "messages[0].images[1]",
  ]);
});
