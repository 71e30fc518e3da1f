import { assertEquals } from "@std/assert";
import type { AnswerEvent } from "../../../../chat/conversation/conversation.ts";
import { collectEvents } from "../../../../engine/sink.ts";
import { feed } from "../../../../../tests/support/feed.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { ServerSentEvent } from "../../../http/streams.ts";
import { ChatChunks } from "./chat_stream.ts";
import { NO_TIMINGS } from "../../../../engine/protocol/event.ts";

const DONE: AnswerEvent = {
  type: "done",
  finishReason: "stop",
  stopString: null,
  usage: { promptTokens: 5, completionTokens: 2, cachedTokens: 3 },
  timings: NO_TIMINGS,
};

/** What a client reads of a stream made of these events, `[DONE]` included. */
async function read(
  events: readonly (readonly [number, AnswerEvent | ShimmyError])[],
  options: { includeUsage?: boolean; withLogprobs?: boolean } = {},
) {
  const seen: unknown[] = [];
  await collectEvents<ServerSentEvent>((stream) => {
    const chunks = new ChatChunks({
      head: { id: "chatcmpl-1" },
      includeUsage: false,
      withLogprobs: false,
      ...options,
    }, stream);
    feed(
      chunks,
      events.map(([index, value]) => value instanceof ShimmyError ? value : { index, value }),
    );
  }, ({ data }) => seen.push(data === "[DONE]" ? data : JSON.parse(data)));
  // deno-lint-ignore no-explicit-any
  return seen as any[];
}

const text = (value: string): AnswerEvent => ({ type: "text", text: value, logprobs: [] });

Deno.test("the first delta carries the role, the last the reason, and then the stream is done", async () => {
  const chunks = await read([[0, text("Hi")], [0, DONE]]);
  assertEquals(chunks.slice(0, 3).map(({ choices }) => choices[0]), [
    { index: 0, delta: { role: "assistant", content: null }, logprobs: null, finish_reason: null },
    { index: 0, delta: { content: "Hi" }, logprobs: null, finish_reason: null },
    { index: 0, delta: {}, logprobs: null, finish_reason: "stop" },
  ]);
  assertEquals(chunks.slice(3), ["[DONE]"]);
  assertEquals("usage" in chunks[0], false);
});

Deno.test("usage comes in a last chunk without choices, and counts the shared prompt once", async () => {
  const chunks = await read([[0, text("a")], [1, text("b")], [0, DONE], [1, DONE]], {
    includeUsage: true,
  });
  assertEquals(chunks[0].usage, null);
  assertEquals(chunks.at(-2).choices, []);
  assertEquals(chunks.at(-2).usage, {
    prompt_tokens: 5,
    completion_tokens: 4,
    total_tokens: 9,
    prompt_tokens_details: { cached_tokens: 3 },
  });
});

Deno.test("the prompt's usage is that of the first choice, in any order of completion", async () => {
  const shared = { ...DONE, usage: { ...DONE.usage, cachedTokens: 4 } };
  const chunks = await read([[0, text("a")], [1, text("b")], [1, shared], [0, DONE]], {
    includeUsage: true,
  });
  assertEquals(chunks.at(-2).usage.prompt_tokens_details, { cached_tokens: 3 });
});

Deno.test("each choice begins with its own role", async () => {
  const chunks = await read([[0, text("a")], [1, text("b")], [1, DONE], [0, DONE]]);
  const roles = chunks.filter((chunk) => chunk !== "[DONE]" && chunk.choices[0].delta.role)
    .map(({ choices }) => choices[0].index);
  assertEquals(roles, [0, 1]);
});

Deno.test("tool calls stream as a name and pieces of their arguments", async () => {
  const chunks = await read([
    [0, { type: "reasoning", text: "Hm", logprobs: [] }],
    [0, { type: "tool_call", index: 0, id: "call_1", name: "add" }],
    [0, { type: "tool_arguments", index: 0, text: '{"a":' }],
    [0, { type: "tool_arguments", index: 0, text: "1}" }],
    [0, { ...DONE, finishReason: "tool_calls" }],
  ]);
  const deltas = chunks.slice(1, 5).map(({ choices }) => choices[0].delta);
  assertEquals(deltas, [
    { reasoning_content: "Hm" },
    {
      tool_calls: [{
        index: 0,
        id: "call_1",
        type: "function",
        function: { name: "add", arguments: "" },
      }],
    },
    { tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] },
    { tool_calls: [{ index: 0, function: { arguments: "1}" } }] },
  ]);
  assertEquals(chunks[5].choices[0].finish_reason, "tool_calls");
});

Deno.test("log probabilities come with the text they belong to", async () => {
  const token = { token: 104, bytes: [104], logprob: -0.5 };
  const chunks = await read([
    [0, { type: "text", text: "h", logprobs: [{ ...token, top: [token] }] }],
    [0, DONE],
  ], { withLogprobs: true });
  assertEquals(chunks[1].choices[0].logprobs, {
    content: [{
      token: "h",
      logprob: -0.5,
      bytes: [104],
      top_logprobs: [{ token: "h", logprob: -0.5, bytes: [104] }],
    }],
    refusal: null,
  });
});

Deno.test("log probabilities of the reasoning stand apart from those of the content", async () => {
  const token = { token: 104, bytes: [104], logprob: -0.5 };
  const chunks = await read([
    [0, { type: "reasoning", text: "h", logprobs: [{ ...token, top: [] }] }],
    [0, DONE],
  ], { withLogprobs: true });
  assertEquals(chunks[1].choices[0].logprobs, {
    content: [],
    refusal: null,
    reasoning_content: [{ token: "h", logprob: -0.5, bytes: [104], top_logprobs: [] }],
  });
});

Deno.test("a failure during the stream is its last event, without [DONE]", async () => {
  const chunks = await read([[0, text("a")], [0, new ShimmyError("backend", "The model died")]]);
  assertEquals(chunks.at(-1), {
    error: { message: "The model died", type: "server_error", param: null, code: "backend_error" },
  });
});

Deno.test("an answer the server cancelled does not pass for a whole one", async () => {
  const chunks = await read([[0, text("a")], [0, { ...DONE, finishReason: "cancelled" }]]);
  assertEquals(chunks.at(-1).error.code, "cancelled");
});
