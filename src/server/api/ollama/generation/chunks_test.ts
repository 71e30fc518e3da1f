import { assertEquals, assertThrows } from "@std/assert";
import type { AnswerEvent } from "../../../../chat/conversation/conversation.ts";
import { ShimmyError } from "../../../../errors.ts";
import { type AnswerChunk, ChunkBuilder } from "./chunks.ts";
import { NO_TIMINGS } from "../../../../engine/protocol/event.ts";

function done(finishReason: "stop" | "length" | "tool_calls" | "cancelled"): AnswerEvent {
  return {
    type: "done",
    finishReason,
    stopString: null,
    usage: { promptTokens: 1, completionTokens: 1, cachedTokens: 0 },
    timings: NO_TIMINGS,
  };
}

function chunksOf(events: readonly AnswerEvent[]): AnswerChunk[] {
  const chunks: AnswerChunk[] = [];
  const builder = new ChunkBuilder((chunk) => chunks.push(chunk));
  for (const event of events) builder.add(event);
  return chunks;
}

function contents(events: readonly AnswerEvent[]) {
  return chunksOf(events).map(({ content, thinking, calls }) =>
    content || thinking || calls.map((call) => call.function)
  );
}

Deno.test("a call comes once its arguments are whole", () => {
  assertEquals(
    contents([
      { type: "reasoning", text: "Hm.", logprobs: [] },
      { type: "text", text: "I look.", logprobs: [] },
      { type: "tool_call", index: 0, id: "a", name: "get_weather" },
      { type: "tool_arguments", index: 0, text: '{"city":' },
      { type: "tool_arguments", index: 0, text: '"Paris"}' },
      { type: "tool_call", index: 1, id: "b", name: "get_time" },
      done("tool_calls"),
    ]),
    [
      "Hm.",
      "I look.",
      [{ index: 0, name: "get_weather", arguments: { city: "Paris" } }],
      [{ index: 1, name: "get_time", arguments: {} }],
    ],
  );
});

Deno.test("a call that the token limit cut has no arguments", () => {
  assertEquals(
    contents([
      { type: "tool_call", index: 0, id: "a", name: "get_weather" },
      { type: "tool_arguments", index: 0, text: '{"city":' },
      done("length"),
    ]),
    [[{ index: 0, name: "get_weather", arguments: {} }]],
  );
});

Deno.test("log probabilities come with the text of their tokens", () => {
  const token = { token: 1, bytes: [0xc3, 0xa9], logprob: -0.5 };
  const other = { token: 2, bytes: [0x65], logprob: -1.5 };
  const [chunk] = chunksOf([
    { type: "text", text: "é", logprobs: [{ ...token, top: [token, other] }] },
    done("stop"),
  ]);
  assertEquals(chunk, {
    content: "é",
    thinking: "",
    calls: [],
    logprobs: [{
      token: "é",
      bytes: [0xc3, 0xa9],
      logprob: -0.5,
      top_logprobs: [
        { token: "é", bytes: [0xc3, 0xa9], logprob: -0.5 },
        { token: "e", bytes: [0x65], logprob: -1.5 },
      ],
    }],
  });
});

Deno.test("a cancelled answer is an error", () => {
  assertThrows(() => contents([done("cancelled")]), ShimmyError, "cancelled");
});
