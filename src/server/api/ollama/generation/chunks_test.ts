import { assertEquals, assertRejects } from "@std/assert";
import type { AnswerEvent } from "../../../../chat/conversation/conversation.ts";
import { ShimmyError } from "../../../../errors.ts";
import { toChunks } from "./chunks.ts";

function done(finishReason: "stop" | "length" | "tool_calls" | "cancelled"): AnswerEvent {
  return {
    type: "done",
    finishReason,
    stopString: null,
    usage: { promptTokens: 1, completionTokens: 1, cachedTokens: 0 },
    timings: {
      queueMs: 0,
      promptMs: 0,
      firstTokenMs: 0,
      predictedMs: 0,
      promptPerSecond: 0,
      predictedPerSecond: 0,
    },
  };
}

async function* from(events: readonly AnswerEvent[]): AsyncGenerator<AnswerEvent> {
  for (const event of events) yield await Promise.resolve(event);
}

async function contents(events: readonly AnswerEvent[]) {
  const found = [];
  for await (const piece of toChunks(from(events))) {
    if ("type" in piece) found.push(piece.finishReason);
    else {
      const { content, thinking, calls } = piece;
      found.push(content || thinking || calls.map((call) => call.function));
    }
  }
  return found;
}

Deno.test("a call comes once its arguments are whole", async () => {
  assertEquals(
    await contents([
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
      "tool_calls",
    ],
  );
});

Deno.test("a call that the token limit cut has no arguments", async () => {
  assertEquals(
    await contents([
      { type: "tool_call", index: 0, id: "a", name: "get_weather" },
      { type: "tool_arguments", index: 0, text: '{"city":' },
      done("length"),
    ]),
    [[{ index: 0, name: "get_weather", arguments: {} }], "length"],
  );
});

Deno.test("log probabilities come with the text of their tokens", async () => {
  const token = { token: 1, bytes: [0xc3, 0xa9], logprob: -0.5 };
  const other = { token: 2, bytes: [0x65], logprob: -1.5 };
  const events = toChunks(from([
    { type: "text", text: "é", logprobs: [{ ...token, top: [token, other] }] },
    done("stop"),
  ]));
  const { value } = await events.next();
  await events.return();
  assertEquals(value, {
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

Deno.test("a cancelled answer is an error", async () => {
  await assertRejects(() => contents([done("cancelled")]), ShimmyError, "cancelled");
});
