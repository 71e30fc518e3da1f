import { assertEquals } from "@std/assert";
import type { AnswerEvent } from "../../chat/conversation/conversation.ts";
import { collectEvents, type Sink } from "../../engine/sink.ts";
import { Choices, type Indexed } from "./run_choices.ts";

/** Answers that a test controls: their sinks, and a log of their starts and cancellations. */
function answers(count: number) {
  const log: string[] = [];
  const sinks: Sink<AnswerEvent>[] = [];
  const seen: string[] = [];
  const collected = Promise.withResolvers<void>();
  /** Called before an answer starts. */
  const start = { check: (_index: number) => {} };
  const run = (limit: number) => {
    collectEvents<Indexed<AnswerEvent>>(
      (sink) =>
        new Choices(count, (index, one) => {
          start.check(index);
          log.push(`${index} begins`);
          sinks[index] = one;
          return {
            completionTokens: 0,
            control: ({ type }) => void log.push(`${index} ${type}`),
            edit: () => Promise.resolve(0),
            fork: () => {
              throw new Error("Unused");
            },
          };
        }, sink).run(limit),
      ({ index, value }) => void seen.push(`${index}:${value.type === "text" ? value.text : ""}`),
    ).then(collected.resolve, collected.reject);
    return new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { log, sinks, seen, run, start, collected: collected.promise };
}

const text = (text: string): AnswerEvent => ({ type: "text", text, logprobs: [] });

Deno.test("events of choices keep their order and carry the index of their choice", async () => {
  const { sinks, seen, run, collected } = answers(2);
  await run(2);
  for (const [index, value] of [[0, "1"], [1, "3"], [0, "2"], [1, "4"]] as const) {
    sinks[index]!.event(text(value));
  }
  for (const sink of sinks) sink.end();
  await collected;
  assertEquals(seen, ["0:1", "1:3", "0:2", "1:4"]);
});

Deno.test("at most as many choices run at once as the limit allows", async () => {
  const { log, sinks, run, collected } = answers(3);
  await run(1);
  assertEquals(log, ["0 begins"]);
  sinks[0]!.end();
  assertEquals(log, ["0 begins", "1 begins"]);
  sinks[1]!.end();
  sinks[2]!.end();
  await collected;
  assertEquals(log, ["0 begins", "1 begins", "2 begins"]);
});

Deno.test("a failure of one choice cancels the others and ends the events", async () => {
  const { log, sinks, seen, run, collected } = answers(3);
  await run(2);
  const failed = collected.catch((error: Error) => error.message);
  sinks[1]!.end(new Error("broken"));
  sinks[0]!.event(text("late"));
  sinks[0]!.end();
  assertEquals(await failed, "broken");
  assertEquals(log, ["0 begins", "1 begins", "0 cancel", "1 cancel"]);
  assertEquals(seen, []);
});

Deno.test("a choice that cannot start, because the client has left, fails the request", async () => {
  const { log, sinks, start, run, collected } = answers(3);
  await run(2);
  const failed = collected.catch((error: Error) => error.message);
  start.check = () => {
    throw new Error("The request was cancelled");
  };
  sinks[0]!.end();
  assertEquals(await failed, "The request was cancelled");
  assertEquals(log, ["0 begins", "1 begins", "0 cancel", "1 cancel"]);
});
