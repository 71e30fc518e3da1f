import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../errors.ts";
import { toMessages } from "./messages.ts";

Deno.test("system blocks become one system message, a paragraph each", () => {
  const system = [{ type: "text" as const, text: "Be brief." }, {
    type: "text" as const,
    text: "Be kind.",
    cache_control: { type: "ephemeral" as const },
  }];
  assertEquals(toMessages(system, [{ role: "user", content: "Hello" }]), [
    { role: "system", content: "Be brief.\nBe kind." },
    { role: "user", content: "Hello" },
  ]);
});

Deno.test("an empty system prompt is none", () => {
  assertEquals(toMessages("", [{ role: "user", content: "Hello" }]), [
    { role: "user", content: "Hello" },
  ]);
});

Deno.test("consecutive turns of one role become one", () => {
  assertEquals(
    toMessages(null, [
      { role: "user", content: "One" },
      { role: "user", content: [{ type: "text", text: "Two" }] },
      { role: "assistant", content: "Thr" },
      { role: "assistant", content: "ee" },
    ]),
    [{ role: "user", content: "One\nTwo" }, { role: "assistant", content: "Three" }],
  );
});

Deno.test("thinking, text and calls of an assistant become one message, results messages of the tool", () => {
  const messages = toMessages(null, [
    { role: "user", content: "Weather in Paris and the time?" },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "Two calls.", signature: "x" },
        { type: "text", text: "I will look." },
        { type: "tool_use", id: "toolu_1", name: "get_weather", input: { city: "Paris" } },
        { type: "tool_use", id: "toolu_2", name: "get_time", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "toolu_2", content: "no clock", is_error: true },
        { type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "sunny" }] },
        { type: "text", text: "And now?" },
      ],
    },
  ]);
  assertEquals(messages.slice(1), [
    {
      role: "assistant",
      content: "I will look.",
      reasoning: "Two calls.",
      toolCalls: [
        { id: "toolu_1", name: "get_weather", arguments: '{"city":"Paris"}' },
        { id: "toolu_2", name: "get_time", arguments: "{}" },
      ],
    },
    { role: "tool", content: "Error: no clock", name: "get_time", toolCallId: "toolu_2" },
    { role: "tool", content: "sunny", name: "get_weather", toolCallId: "toolu_1" },
    { role: "user", content: "And now?" },
  ]);
});

Deno.test("a result without a call before it is refused where it stands", () => {
  const error = assertThrows(
    () =>
      toMessages(null, [{
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "toolu_9", content: "x" }],
      }]),
    ShimmyError,
  );
  assertEquals(error.field, "messages[0].content[0].tool_use_id");
});

Deno.test("images of a turn and of a tool's result are read in their places", () => {
  const image = (data: string) => ({
    type: "image" as const,
    source: { type: "base64" as const, media_type: "image/png", data },
  });
  const shown = {
    type: "image" as const,
    source: { type: "url" as const, url: "data:;base64,Yw==" },
  };
  const messages = toMessages(null, [
    { role: "assistant", content: [{ type: "tool_use", id: "t", name: "look", input: {} }] },
    {
      role: "user",
      content: [
        {
          type: "tool_result",
          tool_use_id: "t",
          content: [{ type: "text", text: "See:" }, image("YQ==")],
        },
        { type: "text", text: "And" },
        image("Yg=="),
        { type: "text", text: "or" },
        shown,
      ],
    },
  ]).slice(1);
  assertEquals(messages.map(({ role }) => role), ["tool", "user"]);
  const contents = messages.map(({ content }) => content.replaceAll(/\[image [\w-]+\]/g, "#"));
  assertEquals(contents, ["See:#", "And#or#"]);
  const bytes = messages.map(({ media = [] }) =>
    media.map((one) => "bytes" in one ? new TextDecoder().decode(one.bytes) : one.url).join()
  );
  assertEquals(bytes, ["a", "b,c"]);
  assertEquals(messages.flatMap(({ media = [] }) => media).map(({ field }) => field), [
    "messages[1].content[0].content[1].source.data",
    "messages[1].content[2].source.data",
    "messages[1].content[4].source.url",
  ]);
});
