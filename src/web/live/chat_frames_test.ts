import { assertEquals } from "@std/assert";
import { framesOfChat } from "./chat_frames.ts";
import { FrameReader } from "./frame_reader.ts";

/** Events of chunks, as `serverEvents` gives them. */
async function* eventsOf(chunks: readonly unknown[]) {
  for (const chunk of chunks) {
    const data = typeof chunk === "string"
      ? chunk
      : JSON.stringify({ id: "chatcmpl-a", ...chunk as object });
    yield await Promise.resolve({ event: "message", id: null, data });
  }
}

const chunk = (delta: object, tokens: number, more = {}) => ({
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
  usage: { prompt_tokens: 5, completion_tokens: tokens },
});

/** What a reader has read from chunks. */
async function read(chunks: readonly unknown[]) {
  const events: unknown[] = [];
  const reader = new FrameReader("chatcmpl-a", {
    changed: () => {},
    forked: (parent, index, ids) => events.push(["forked", parent, index, ids]),
    done: (id, { finish_reason: reason, usage }) => events.push(["done", id, reason, usage]),
    failed: (id, message) => events.push(["failed", id, message]),
  });
  for await (const frame of framesOfChat(eventsOf(chunks), "chatcmpl-a")) reader.read(frame);
  return { reader, events };
}

Deno.test("chunks are text, reasoning and calls of tools", async () => {
  const { reader, events } = await read([
    chunk({ role: "assistant", content: null }, 0),
    chunk({ reasoning_content: "Hm." }, 2),
    chunk({ content: "I look" }, 4),
    chunk({ tool_calls: [{ index: 0, id: "c1", function: { name: "look", arguments: "" } }] }, 8),
    chunk({ tool_calls: [{ index: 0, function: { arguments: '{"at":' } }] }, 10),
    chunk({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] }, 12),
    chunk({}, 12, { finish_reason: "tool_calls" }),
    { choices: [], usage: { prompt_tokens: 5, completion_tokens: 12 }, timings: {} },
    "[DONE]",
  ]);
  const answer = reader.answers.get("chatcmpl-a")!;
  assertEquals([answer.reasoning, answer.content], ["Hm.", "I look"]);
  assertEquals(answer.toolCalls, [{ id: "c1", name: "look", arguments: '{"at":1}' }]);
  const usage = { prompt_tokens: 5, completion_tokens: 12, cached_tokens: 0 };
  assertEquals(events, [["done", "chatcmpl-a", "stop", usage]]);
});

Deno.test("a rewind keeps the chunks before it, and calls behind it are dropped", async () => {
  const { reader } = await read([
    chunk({ content: "one " }, 1),
    chunk({ content: "two " }, 2),
    chunk({ tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: "{}" } }] }, 4),
    { ...chunk({}, 1), rewind: { index: 1, message: {} } },
    chunk({ content: "zwei" }, 2),
  ]);
  const answer = reader.answers.get("chatcmpl-a")!;
  assertEquals([answer.content, answer.toolCalls], ["one zwei", []]);
  assertEquals(answer.pieces.map(({ index }) => index), [0, 1]);
});

Deno.test("new choices are forks", async () => {
  const { reader, events } = await read([
    chunk({ content: "one " }, 1),
    chunk({ content: "two " }, 2),
    {
      choices: [{ index: 1, delta: { role: "assistant" } }],
      usage: { prompt_tokens: 5, completion_tokens: 1 },
      fork: { choice: 0, index: 1, message: {} },
    },
    { choices: [{ index: 1, delta: { content: "zwei" } }], usage: null },
  ]);
  assertEquals(events, [["forked", "chatcmpl-a", 1, ["chatcmpl-a-1"]]]);
  assertEquals(reader.answers.get("chatcmpl-a-1")!.content, "one zwei");
});

Deno.test("a chunk of one token has its alternatives, without ids", async () => {
  const top = [{ token: "a", logprob: -0.1 }, { token: "b", logprob: -2 }];
  const logprobs = { content: [{ token: "a", logprob: -0.1, top_logprobs: top }] };
  const { reader } = await read([chunk({ content: "a" }, 1, { logprobs })]);
  const [piece] = reader.answers.get("chatcmpl-a")!.pieces;
  assertEquals([piece!.logprob, piece!.alternatives], [-0.1, top]);
});

Deno.test("an error ends the answer", async () => {
  const { events } = await read([chunk({ content: "a" }, 1), { error: { message: "lost" } }]);
  assertEquals(events, [["failed", "chatcmpl-a", "lost"]]);
});
