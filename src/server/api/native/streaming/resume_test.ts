import { assertEquals } from "@std/assert";
import type { UnifiedEvent } from "../schema.ts";
import { presentEvents } from "./resume.ts";

const numbered = (events: readonly UnifiedEvent[]) =>
  events.map((event, index) => ({ number: index + 1, event }));

/** The texts of the events that an answer `a` has now. */
function present(events: readonly UnifiedEvent[], from = 0) {
  return presentEvents(numbered(events), from, "a").map(({ event }) =>
    "token" in event ? event.token : "forked" in event ? "fork" : "other"
  );
}

const token = (text: string, index: number, answer?: string): UnifiedEvent => ({
  token: text,
  index,
  ...(answer === undefined ? {} : { answer }),
});

Deno.test("the tokens that rewinds of their answer dropped are not present", () => {
  const events = [
    token("one", 0, "a"),
    token("two", 1),
    // A token that ends the reasoning has two frames.
    token("three", 1),
    { rewind: 1 },
    token("four", 1),
    token("five", 2),
    { forked: 2, answers: ["a-1"] },
    token("six", 2, "a-1"),
    { rewind: 2 },
    token("seven", 2),
    { rewind: 2, answer: "a-1" },
    token("eight", 2, "a-1"),
  ];
  assertEquals(present(events), ["one", "four", "fork", "seven", "eight"]);
  assertEquals(present(events, 2), ["fork", "seven", "eight"]);
});

Deno.test("thousands of rewinds of a long answer are no more work than their number", () => {
  const tokens = Array.from({ length: 50_000 }, (_, index) => token("x", index));
  const rewinds = Array.from({ length: 50_000 }, () => ({ rewind: 50_000 }));
  assertEquals(present([...tokens, ...rewinds]).length, 50_000);
});
