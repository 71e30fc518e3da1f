import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { countingPreparer } from "../../../tests/doubles/preparer.ts";
import { serverDouble } from "../../../tests/doubles/server.ts";
import type { AnswerEvent } from "../../chat/conversation/conversation.ts";
import type { FlowControl } from "../../engine/engine.ts";
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
        new Choices(
          count,
          (index, one) => {
            start.check(index);
            log.push(`${index} begins`);
            sinks[index] = one;
            return {
              completionTokens: 0,
              promptTokens: null,
              queued: new Promise(() => {}),
              control: ({ type }) => void log.push(`${index} ${type}`),
              edit: () => Promise.resolve(0),
              fork: () => {
                throw new Error("Unused");
              },
            };
          },
          sink,
          60_000,
        ).run(limit),
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

/** What the preparer does for a request, and the text of the response. */
async function prepared(path: string, body: Record<string, unknown>) {
  const preparer = countingPreparer();
  const { engine, request } = serverDouble({ context: { preparer } });
  const messages = [{ role: "user", content: "Hello" }];
  const response = await request(path, { model: "double", max_tokens: 4, messages, ...body });
  const text = await response.text();
  assertEquals([response.status, text], [200, text]);
  return { calls: preparer.calls, requests: engine.requests, text };
}

Deno.test("the choices of a request share one preparation", async () => {
  for (const more of [{}, { stream: true }, { response_format: { type: "json_object" } }]) {
    const { calls, requests } = await prepared("/v1/chat/completions", { n: 3, seed: 1, ...more });
    assertEquals(calls, ["answer"]);
    assertEquals(requests.map(({ sampling }) => sampling.seed), [1, 2, 3]);
    assertEquals(new Set(requests.map(({ prompt }) => JSON.stringify(prompt))).size, 1);
  }
});

Deno.test("a stream that reports the tokens of the prompt renders the prompt once", async () => {
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const streams = {
    "/v1/chat/completions": { stream_options, n: 2 },
    "/v1/messages": {},
  };
  for (const [path, body] of Object.entries(streams)) {
    const { calls, requests, text } = await prepared(path, { stream: true, ...body });
    assertEquals([path, calls], [path, ["answer"]]);
    const [part] = requests[0]!.prompt;
    assert(part !== undefined && text.includes("Hello"));
    const [, tokens] = /"(?:prompt|input)_tokens":(\d+)/.exec(text) ?? [];
    assert(Number(tokens) > 0, `${path} reports ${tokens} tokens`);
  }
});

Deno.test("prompts of one request are prepared one by one", async () => {
  const { calls, requests } = await prepared("/v1/completions", {
    messages: undefined,
    prompt: ["a", "b"],
    n: 2,
  });
  assertEquals(calls, ["answer", "answer"]);
  const texts = requests.map(({ prompt }) => prompt.map((part) => "text" in part ? part.text : ""));
  assertEquals(texts.flat().toSorted(), ["a", "a", "b", "b"]);
});

Deno.test("a choice that is paused for too long is cancelled, and one that goes on is not", async () => {
  const log: string[] = [];
  const sinks: Sink<AnswerEvent>[] = [];
  const start = (index: number, sink: Sink<AnswerEvent>) => {
    sinks[index] = sink;
    return {
      completionTokens: 0,
      promptTokens: null,
      queued: Promise.resolve(0),
      control: ({ type }: FlowControl) => void log.push(`${index} ${type}`),
      edit: () => Promise.resolve(0),
      fork: () => {
        throw new Error("Unused");
      },
    };
  };
  const ended = collectEvents<Indexed<AnswerEvent>>(async (sink) => {
    const choices = new Choices(3, start, sink, 5);
    await choices.run(3);
    choices.control({ type: "pause" });
    choices.control({ type: "resume" }, 1);
    sinks[2]!.end();
    while (!log.includes("0 cancel")) await delay(5);
    sinks[0]!.end();
    choices.control({ type: "pause" }, 0);
    sinks[1]!.end();
  }, () => {});
  await ended;
  assertEquals(log, ["0 pause", "1 pause", "2 pause", "1 resume", "0 cancel"]);
});
