import { assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import type { SequenceEvent, SequenceRequest } from "../../src/engine/protocol/mod.ts";
import { ShimmyError } from "../../src/errors.ts";
import { iterating } from "../support/engine.ts";
import { EngineDouble } from "./engine.ts";

function request(values: Partial<SequenceRequest> = {}): SequenceRequest {
  return {
    prompt: [{ text: "Hi", special: true }],
    maxTokens: null,
    sampling: {},
    stop: [],
    ...values,
  };
}

async function collect(events: AsyncIterable<SequenceEvent>): Promise<SequenceEvent[]> {
  return await Array.fromAsync(events);
}

function textOf(events: readonly SequenceEvent[]): string {
  return events.map((event) => "text" in event ? event.text : "").join("");
}

Deno.test("the double emits its script, then done", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["a", "b"] } });
  const events = await collect(iterating(engine).generate(request()));
  assertEquals(events.map((event) => event.type), ["token", "token", "done"]);
  const done = events.at(-1)!;
  assertEquals(done.type === "done" && done.usage, {
    promptTokens: 2,
    completionTokens: 2,
    cachedTokens: 0,
  });
  assertEquals(engine.finished, ["stop"]);
});

Deno.test("the double holds back text that may become a stop string", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["one S", "TO", "P two"] } });
  const events = await collect(iterating(engine).generate(request({ stop: ["STOP"] })));
  assertEquals(events.map((event) => "text" in event ? event.text : ""), [
    "one ",
    "",
    "",
    "",
  ]);
  const done = events.at(-1)!;
  assertEquals(done.type === "done" && done.stopString, "STOP");
});

Deno.test("the double releases held text if no stop string follows", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["one ST"] } });
  assertEquals(
    textOf(await collect(iterating(engine).generate(request({ stop: ["STOP"] })))),
    "one ST",
  );
});

Deno.test("the double ends at the token limit and on a stop control", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["x"], endless: true } });
  assertEquals(textOf(await collect(iterating(engine).generate(request({ maxTokens: 3 })))), "xxx");
  const run = iterating(engine).generate(request());
  let seen = 0;
  for await (const event of run) {
    if (event.type === "token" && ++seen === 2) run.control({ type: "stop" });
  }
  assertGreaterOrEqual(seen, 2);
  assertEquals(engine.finished, ["length", "stop"]);
});

Deno.test("leaving the iteration of the double cancels the sequence", async () => {
  await using engine = new EngineDouble({ script: { tokens: ["x"], endless: true } });
  for await (const _event of iterating(engine).generate(request())) break;
  while (engine.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(engine.finished, ["cancelled"]);
});

Deno.test("the double throws its scripted error and refuses a prompt over the context", async () => {
  await using engine = new EngineDouble({
    script: { tokens: ["x"], error: new ShimmyError("backend", "gone") },
    info: { contextLength: 8 },
  });
  await assertRejects(() => collect(iterating(engine).generate(request())), ShimmyError, "gone");
  const long = request({ prompt: [{ text: "much too long", special: true }] });
  await assertRejects(() => collect(iterating(engine).generate(long)), ShimmyError, "13 tokens");
});

Deno.test("the double parses control tokens only in special parts and never adds BOS twice", async () => {
  await using engine = new EngineDouble({ info: { bosText: "<|endoftext|>" } });
  const special = await engine.tokenize([{ text: "<|endoftext|>a", special: true }], true);
  assertEquals(special, [0x110000, 97]);
  const plain = await engine.tokenize([{ text: "<|im_end|>", special: false }], false);
  assertEquals(plain.length, 10);
  assertEquals(await engine.detokenize(special), "<|endoftext|>a");
});
