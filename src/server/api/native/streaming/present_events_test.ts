import { assertEquals } from "@std/assert";
import type { UnifiedEvent } from "../schema.ts";
import { presentEvents } from "./present_events.ts";

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

/** The texts of each answer, as a reader of the events has them. */
function read(events: readonly UnifiedEvent[]) {
  const answers: Record<string, { readonly text: string; readonly index: number }[]> = {};
  for (const event of events) {
    const { answer = "a" } = event as { readonly answer?: string };
    const before = (index: number) => (answers[answer] ?? []).filter((one) => one.index < index);
    if ("token" in event) (answers[answer] ??= []).push({ text: event.token, index: event.index });
    else if ("rewind" in event) answers[answer] = before(event.rewind);
    else if ("forked" in event) {
      for (const fork of event.answers) answers[fork] = before(event.forked);
    }
  }
  return Object.fromEntries(
    Object.entries(answers).map(([answer, tokens]) => [answer, tokens.map(({ text }) => text)]),
  );
}

/** Answers with forks, of which some were rewound to before the place where they began. */
const REWOUND_FORKS: readonly (readonly UnifiedEvent[])[] = [
  // The parent of a fork.
  [
    ...[token("one", 0), token("two", 1), token("and", 1), token("three", 2)],
    { forked: 3, answers: ["a-1"] },
    ...[token("four", 3, "a-1"), { rewind: 1 }, token("other", 1), token("end", 2)],
  ],
  // A fork, and another one with the same beginning.
  [
    ...[token("one", 0), token("two", 1), token("three", 2)],
    { forked: 3, answers: ["a-1", "a-2"] },
    ...[{ rewind: 1, answer: "a-1" }, token("other", 1, "a-1"), token("four", 3, "a-2")],
  ],
  // The fork of a fork, and then all that came before it.
  [
    ...[token("one", 0), token("two", 1), { forked: 2, answers: ["a-1"] }, token("x", 2, "a-1")],
    { forked: 3, answers: ["a-2"], answer: "a-1" },
    ...[{ rewind: 0, answer: "a-1" }, token("y", 0, "a-1"), { rewind: 1 }, token("z", 1)],
    token("end", 3, "a-2"),
  ],
];

Deno.test("forks keep the tokens they began with when answers are rewound to before their beginning", () => {
  for (const events of REWOUND_FORKS) {
    const now = presentEvents(numbered(events), 0, "a").map(({ event }) => event);
    assertEquals(read(now), read(events));
    assertEquals(now.some((event) => "rewind" in event), false);
  }
});

Deno.test("a fork keeps the tokens it began with where the reader asks for later tokens only", () => {
  const [parent, fork] = REWOUND_FORKS;
  assertEquals(present(parent!, 3), ["fork", "two", "and", "three", "four"]);
  assertEquals(present(fork!, 3), ["fork", "two", "three", "four"]);
});

Deno.test("thousands of rewinds of a long answer are no more work than their number", () => {
  const tokens = Array.from({ length: 50_000 }, (_, index) => token("x", index));
  const rewinds = Array.from({ length: 50_000 }, () => ({ rewind: 50_000 }));
  assertEquals(present([...tokens, ...rewinds]).length, 50_000);
});
