import { assert, assertEquals } from "@std/assert";
import { FrameReader } from "./frame_reader.ts";
import type { DoneFrame, Frame } from "./frames.ts";

const DONE: DoneFrame = {
  done: true,
  finish_reason: "stop",
  usage: { prompt_tokens: 3, completion_tokens: 2, cached_tokens: 0 },
  timings: { first_token_ms: 1, predicted_per_second: 100 },
};

/** A reader that has read frames, and what it reported. */
function readerOf(frames: readonly Frame[], prefix = "") {
  const events: unknown[] = [];
  const reader = new FrameReader("gen-a", {
    changed: () => {},
    forked: (parent, index, ids) => events.push(["forked", parent, index, ids]),
    done: (id, { finish_reason: reason }) => events.push(["done", id, reason]),
    failed: (id, message) => events.push(["failed", id, message]),
  }, prefix);
  for (const frame of frames) reader.read(frame);
  const textOf = (id: string) => reader.answers.get(id)?.content;
  return { reader, events, textOf };
}

const words = (text: string, from = 0): Frame[] =>
  text.split(" ").map((token, at) => ({ token: `${token} `, index: from + at, id: at }));

Deno.test("tokens make the text, reasoning apart", () => {
  const { reader, textOf, events } = readerOf([
    { reasoning: "Hm", index: 0, id: 7, answer: "gen-a" },
    // The token that ends the reasoning has two frames.
    { reasoning: ".", index: 1, id: 8 },
    { token: "Yes", index: 1, id: 8 },
    { ...DONE, answer: "gen-a" },
  ]);
  assertEquals([textOf("gen-a"), reader.answers.get("gen-a")!.reasoning], ["Yes", "Hm."]);
  assertEquals(reader.answers.get("gen-a")!.end, 2);
  assertEquals(events, [["done", "gen-a", "stop"]]);
  assert(reader.isDone);
});

Deno.test("a rewind drops tokens, and others take their places", () => {
  const { reader, textOf } = readerOf([
    ...words("one two three"),
    { rewind: 1 },
    { token: "zwei ", index: 1, id: 9, inserted: true },
    { token: "drei", index: 2, id: 10, logprob: -0.5, alternatives: [] },
  ]);
  assertEquals(textOf("gen-a"), "one zwei drei");
  assertEquals(reader.answers.get("gen-a")!.pieces.map(({ isInserted }) => isInserted ?? false), [
    false,
    true,
    false,
  ]);
  reader.read({ rewind: 0 });
  assertEquals([textOf("gen-a"), reader.answers.get("gen-a")!.end], ["", 0]);
});

Deno.test("a rewind to the end drops nothing", () => {
  const { textOf } = readerOf([...words("one two"), { rewind: 2 }]);
  assertEquals(textOf("gen-a"), "one two ");
});

Deno.test("forks begin with the tokens of their parent and go their own ways", () => {
  const { reader, events, textOf } = readerOf([
    ...words("one two three"),
    { forked: 2, answers: ["gen-a-1", "gen-a-2"] },
    { token: "x", index: 2, answer: "gen-a-1" },
    { token: "y", index: 2, answer: "gen-a-2" },
    { token: "four", index: 3 },
    { forked: 1, answers: ["gen-a-3"], answer: "gen-a-2" },
    { ...DONE, answer: "gen-a-1", finish_reason: "cancelled" },
  ]);
  assertEquals(textOf("gen-a"), "one two three four");
  assertEquals([textOf("gen-a-1"), textOf("gen-a-2")], ["one two x", "one two y"]);
  assertEquals(textOf("gen-a-3"), "one ");
  assertEquals(events, [
    ["forked", "gen-a", 2, ["gen-a-1", "gen-a-2"]],
    ["forked", "gen-a-2", 1, ["gen-a-3"]],
    ["done", "gen-a-1", "cancelled"],
  ]);
  assertEquals(reader.isDone, false);
});

Deno.test("an error ends all answers that still run", () => {
  const { reader, events } = readerOf([
    { forked: 0, answers: ["gen-a-1"] },
    { ...DONE },
    { error: "The model was unloaded" },
  ]);
  assertEquals(events.slice(1), [
    ["done", "gen-a", "stop"],
    ["failed", "gen-a-1", "The model was unloaded"],
  ]);
  assert(reader.isDone);
});

Deno.test("a continued answer begins with its prefix, which a rewind keeps", () => {
  const { reader, textOf } = readerOf([...words("b c"), { rewind: 0 }], "a ");
  assertEquals(textOf("gen-a"), "a ");
  reader.read({ token: "z", index: 0 });
  assertEquals(textOf("gen-a"), "a z");
});

Deno.test("frames of an unknown answer change nothing", () => {
  const { reader, textOf } = readerOf([{ token: "x", index: 0, answer: "gen-b" }]);
  assertEquals([textOf("gen-a"), reader.answers.size], ["", 1]);
});
