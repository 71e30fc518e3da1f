import { assertEquals, assertMatch } from "@std/assert";
import type { AnswerEvent } from "../../../chat/conversation/conversation.ts";
import { NO_TIMINGS } from "../../../engine/protocol/event.ts";
import { ShimmyError } from "../../../errors.ts";
import { feed } from "../../../../tests/support/feed.ts";
import { collectEvents } from "../../../engine/sink.ts";
import type { ServerSentEvent } from "../../http/streams.ts";
import { CollectedMessage } from "./message.ts";
import { MessageEvents } from "./stream.ts";

const OPTIONS = {
  id: "msg_1",
  model: "double",
  maxTokens: 16,
  hideThinking: false,
  requestId: "req_1",
};

type Done = Extract<AnswerEvent, { type: "done" }>;

function done(values: Partial<Done> = {}): Done {
  return {
    type: "done",
    finishReason: "stop",
    stopString: null,
    usage: { promptTokens: 9, completionTokens: 16, cachedTokens: 4 },
    timings: NO_TIMINGS,
    ...values,
  };
}

const text = (text: string): AnswerEvent => ({ type: "text", text, logprobs: [] });

const TALK: readonly AnswerEvent[] = [
  { type: "reasoning", text: "Two ", logprobs: [] },
  { type: "reasoning", text: "calls.", logprobs: [] },
  text("I will"),
  text(" look."),
  { type: "tool_call", index: 0, id: "call_1", name: "get_weather" },
  { type: "tool_arguments", index: 0, text: '{"city":' },
  { type: "tool_arguments", index: 0, text: '"Paris"}' },
  { type: "tool_call", index: 1, id: "call_2", name: "get_time" },
  { type: "tool_arguments", index: 1, text: "{}" },
  done({ finishReason: "tool_calls" }),
];

function collect(events: readonly AnswerEvent[], options = OPTIONS) {
  const collected = new CollectedMessage(options);
  for (const event of events) collected.add(event);
  return collected.message;
}

async function streamed(
  events: readonly (AnswerEvent | ShimmyError)[],
  options = OPTIONS,
  start = (message: MessageEvents) => {
    message.begin(9);
    feed(message, events);
  },
) {
  const sent: Record<string, unknown>[] = [];
  await collectEvents<ServerSentEvent>(
    (stream) => start(new MessageEvents(options, stream)),
    ({ event, data }) => {
      const json = JSON.parse(data);
      assertEquals(event, json.type);
      sent.push(json);
    },
  );
  return sent;
}

Deno.test("events before the start of the message follow it", async () => {
  for (const end of [done(), new ShimmyError("backend", "The model broke")]) {
    const events = [text("Hi"), end];
    const early = await streamed(events, OPTIONS, (message) => {
      feed(message, events);
      message.begin(9);
    });
    assertEquals(early, await streamed(events));
  }
});

Deno.test("thoughts, text and calls are blocks one after the other", async () => {
  const sent = await streamed(TALK);
  const signature = btoa("msg_1");
  assertEquals(sent.slice(1, -2), [
    { type: "ping" },
    {
      type: "content_block_start",
      index: 0,
      content_block: { type: "thinking", thinking: "", signature: "" },
    },
    { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "Two " } },
    {
      type: "content_block_delta",
      index: 0,
      delta: { type: "thinking_delta", thinking: "calls." },
    },
    { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature } },
    { type: "content_block_stop", index: 0 },
    {
      type: "content_block_start",
      index: 1,
      content_block: { type: "text", text: "" },
    },
    { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "I will" } },
    { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: " look." } },
    { type: "content_block_stop", index: 1 },
    {
      type: "content_block_start",
      index: 2,
      content_block: {
        type: "tool_use",
        id: "call_1",
        name: "get_weather",
        input: {},
        caller: { type: "direct" },
      },
    },
    {
      type: "content_block_delta",
      index: 2,
      delta: { type: "input_json_delta", partial_json: '{"city":' },
    },
    {
      type: "content_block_delta",
      index: 2,
      delta: { type: "input_json_delta", partial_json: '"Paris"}' },
    },
    { type: "content_block_stop", index: 2 },
    {
      type: "content_block_start",
      index: 3,
      content_block: {
        type: "tool_use",
        id: "call_2",
        name: "get_time",
        input: {},
        caller: { type: "direct" },
      },
    },
    {
      type: "content_block_delta",
      index: 3,
      delta: { type: "input_json_delta", partial_json: "{}" },
    },
    { type: "content_block_stop", index: 3 },
  ]);
});

Deno.test("a stream begins with an empty message and ends with reason, usage and message_stop", async () => {
  const sent = await streamed([text("Hi"), done()]);
  const { message } = sent[0] as { message: Record<string, unknown> };
  assertEquals(message.content, []);
  assertEquals(message.stop_reason, null);
  assertEquals((message.usage as Record<string, unknown>).input_tokens, 9);
  const delta = sent.at(-2) as { delta: unknown; usage: Record<string, unknown> };
  assertEquals(delta.delta, {
    stop_reason: "end_turn",
    stop_sequence: null,
    stop_details: null,
    container: null,
  });
  assertEquals(delta.usage.input_tokens, 5);
  assertEquals(delta.usage.cache_read_input_tokens, 4);
  assertEquals(delta.usage.output_tokens, 16);
  assertEquals(sent.at(-1), { type: "message_stop" });
});

Deno.test("an empty answer has no blocks", async () => {
  const sent = await streamed([text(""), done()]);
  assertEquals(sent.map(({ type }) => type), [
    "message_start",
    "ping",
    "message_delta",
    "message_stop",
  ]);
});

Deno.test("a failure during the stream is an error event and the last event", async () => {
  const failure = new ShimmyError("backend", "The model broke", { detail: "/secret/path" });
  const sent = await streamed([text("Hi"), failure]);
  assertEquals(sent.at(-1), {
    type: "error",
    error: { type: "api_error", message: "The model broke" },
    request_id: "req_1",
  });
  assertEquals(sent.some(({ type }) => type === "message_stop"), false);
});

Deno.test("a cancelled answer is an error and no end of turn", async () => {
  const sent = await streamed([text("Hi"), done({ finishReason: "cancelled" })]);
  assertEquals(sent.at(-1)?.type, "error");
});

Deno.test("omitted thinking keeps its block and signature and loses its text", async () => {
  const options = { ...OPTIONS, hideThinking: true };
  const sent = await streamed(TALK, options);
  assertEquals(JSON.stringify(sent).includes("calls."), false);
  const { content } = collect(TALK, options);
  assertEquals(content[0], { type: "thinking", thinking: "", signature: btoa("msg_1") });
});

Deno.test("a whole message has the same blocks", () => {
  const message = collect(TALK);
  assertEquals(message.content, [
    { type: "thinking", thinking: "Two calls.", signature: btoa("msg_1") },
    { type: "text", text: "I will look." },
    {
      type: "tool_use",
      id: "call_1",
      name: "get_weather",
      input: { city: "Paris" },
      caller: { type: "direct" },
    },
    { type: "tool_use", id: "call_2", name: "get_time", input: {}, caller: { type: "direct" } },
  ]);
  assertEquals(message.stop_reason, "tool_use");
  assertMatch(message.id, /^msg_/);
});

Deno.test("each end of an answer has its stop reason", () => {
  const reason = (values: Partial<Done>) => {
    const { stop_reason, stop_sequence } = collect([done(values)]);
    return { stop_reason, stop_sequence };
  };
  assertEquals(reason({}), { stop_reason: "end_turn", stop_sequence: null });
  assertEquals(reason({ stopString: "END" }), {
    stop_reason: "stop_sequence",
    stop_sequence: "END",
  });
  assertEquals(reason({ finishReason: "length" }), {
    stop_reason: "max_tokens",
    stop_sequence: null,
  });
  const usage = { promptTokens: 9, completionTokens: 3, cachedTokens: 0 };
  assertEquals(reason({ finishReason: "length", usage }), {
    stop_reason: "model_context_window_exceeded",
    stop_sequence: null,
  });
});

Deno.test("a call that the token limit cut has no input", () => {
  const message = collect([
    { type: "tool_call", index: 0, id: "call_1", name: "get_weather" },
    { type: "tool_arguments", index: 0, text: '{"city":' },
    done({ finishReason: "length" }),
  ]);
  assertEquals(message.content, [{
    type: "tool_use",
    id: "call_1",
    name: "get_weather",
    input: {},
    caller: { type: "direct" },
  }]);
  assertEquals(message.stop_reason, "max_tokens");
});
