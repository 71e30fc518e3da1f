/** Rewinds and forks of answers with reasoning and tool calls: a client sees what it would see without. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EngineDouble } from "../../tests/doubles/engine.ts";
import { TINY_TEMPLATE } from "../../tests/doubles/tiny_template.ts";
import { chatInput, chatRequest } from "../../tests/support/chat_request.ts";
import { ShimmyError } from "../errors.ts";
import { answer } from "./answer.ts";
import type { AnswerEvent, AnswerRequest, AnswerSoFar } from "./conversation/conversation.ts";

const TEXT = "<think>\nHm, so\n</think>\n\nLet me see.\n" +
  '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>\n' +
  '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>';
/** Pieces of different lengths, so that marks begin and end inside of them. */
const TOKENS = [...TEXT].reduce<string[]>((pieces, character, at) => {
  if (at % 7 < 3 || pieces.length === 0) pieces.push(character);
  else pieces[pieces.length - 1] += character;
  return pieces;
}, []);

const REQUEST = chatRequest({
  input: chatInput({ tools: [{ name: "get_weather", parameters: { type: "object" } }] }),
});

/** The message that a client puts together from events. */
class Message {
  text = "";
  reasoning = "";
  calls: { id: string; name: string; arguments: string }[] = [];
  finish = "";
  readonly rewinds: number[] = [];

  begin({ text, reasoning, toolCalls }: AnswerSoFar): void {
    this.text = text;
    this.reasoning = reasoning;
    this.calls = toolCalls.map((call) => ({ ...call }));
  }

  add(event: AnswerEvent): void {
    if (event.type === "text") this.text += event.text;
    else if (event.type === "reasoning") this.reasoning += event.text;
    else if (event.type === "tool_call") {
      this.calls[event.index] = { id: event.id, name: event.name, arguments: "" };
    } else if (event.type === "tool_arguments") this.calls[event.index]!.arguments += event.text;
    else if (event.type === "done") this.finish = event.finishReason;
    else if (event.type === "rewind") {
      this.rewinds.push(event.index);
      this.begin(event.remains);
    }
  }

  /** Without the ids, which are random. */
  get content() {
    const { text, reasoning, finish } = this;
    return { text, reasoning, finish, calls: this.calls.map(({ id: _, ...call }) => call) };
  }
}

/** An answer that waits before a token until `open` is called. */
function begin(waitAt: number, changes: Partial<AnswerRequest> = {}) {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const engine = new EngineDouble({
    script: { tokens: TOKENS },
    info: { chatTemplate: TINY_TEMPLATE },
    beforeToken: (index) => {
      if (index < waitAt) return;
      reached.resolve();
      return gate.promise;
    },
  });
  const message = new Message();
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const running = answer(engine, { ...REQUEST, ...changes }, {
    event: (event) => message.add(event),
    flush() {},
    end: (error) => error === undefined ? resolve() : reject(error),
  });
  return { engine, running, message, reached: reached.promise, open: gate.resolve, ended };
}

/** The message of an answer without rewinds. */
async function plain() {
  const { message, open, ended } = begin(Infinity);
  open();
  await ended;
  return message.content;
}

Deno.test("the script has reasoning, text and two calls", async () => {
  assertEquals(await plain(), {
    text: "Let me see.",
    reasoning: "Hm, so",
    finish: "tool_calls",
    calls: [
      { name: "get_weather", arguments: '{"city": "Paris"}' },
      { name: "get_weather", arguments: '{"city": "Rome"}' },
    ],
  });
});

Deno.test("a rewind to any token gives the message without a rewind", async () => {
  const expected = await plain();
  const waitAt = TOKENS.length - 2;
  for (let keep = 0; keep <= waitAt; keep++) {
    const { running, message, reached, open, ended } = begin(waitAt);
    await reached;
    const ids = message.calls.map(({ id }) => id);
    assertEquals(await running.edit({ keep }), keep);
    // The calls that remain have their ids.
    assertEquals(message.calls.map(({ id }) => id), ids.slice(0, message.calls.length));
    assertEquals(running.completionTokens, keep);
    open();
    await ended;
    assertEquals(message.content, expected, `${keep} tokens`);
    assertEquals(message.rewinds, keep < waitAt ? [keep] : []);
  }
});

Deno.test("a fork at any token gives the message of the answer", async () => {
  const expected = await plain();
  const waitAt = TOKENS.length - 2;
  const { engine, running, message, reached, open, ended } = begin(waitAt);
  await reached;
  const forks = Array.from({ length: waitAt + 1 }, (_, at) => {
    const fork = new Message();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { soFar } = running.fork(engine, { at, sampling: {}, number: 0 }, {
      event: (event) => fork.add(event),
      flush() {},
      end: (error) => error === undefined ? resolve() : reject(error),
    });
    fork.begin(soFar);
    return { fork, ended: promise };
  });
  assertThrows(
    () => running.fork(engine, { at: waitAt + 1, sampling: {}, number: 0 }, null!),
    ShimmyError,
    `fork: must be from 0 to ${waitAt}`,
  );
  open();
  await Promise.all([ended, ...forks.map((one) => one.ended)]);
  assertEquals(message.content, expected);
  for (const [at, { fork }] of forks.entries()) {
    assertEquals(fork.content, expected, `${at} tokens`);
    const known = Math.min(fork.calls.length, message.calls.length);
    assertEquals(fork.calls.length, known);
  }
});

Deno.test("forks have the present sampling and a seed of their own", async () => {
  const { engine, running, reached, open, ended } = begin(3, { sampling: { seed: 4, topK: 9 } });
  await reached;
  running.control({ type: "sampling", sampling: { topK: 2 } });
  const nothing = { event() {}, flush() {}, end() {} };
  running.fork(engine, { at: 1, sampling: { temperature: 1 }, number: 0 }, nothing);
  running.fork(engine, { at: 1, sampling: { seed: 50 }, number: 1 }, nothing);
  assertEquals(engine.requests.slice(1).map(({ sampling }) => sampling), [
    { seed: 5, topK: 2, temperature: 1 },
    { seed: 51, topK: 2 },
  ]);
  open();
  await ended;
});

Deno.test("a format for what follows becomes a grammar, and text removes it", async () => {
  const { engine, running, reached, open, ended } = begin(3);
  await reached;
  const schema = { type: "integer" };
  await running.edit({ keep: 1, format: { type: "json_schema", schema } });
  await running.edit({ format: { type: "grammar", source: 'root ::= "x"' } });
  const [first, second] = engine.edits;
  assertEquals([first!.keep, first!.grammar?.source.includes("root")], [1, true]);
  assertEquals(second!.grammar, { source: 'root ::= "x"' });
  await assertRejects(
    () => running.edit({ format: { type: "grammar", source: "no grammar" } }),
    ShimmyError,
    "grammar",
  );
  assertEquals(engine.edits.length, 2);
  open();
  await ended;
});

Deno.test("an answer cannot be changed before its prompt is prepared and after its end", async () => {
  const { running, open, ended } = begin(Infinity);
  await assertRejects(() => running.edit({ keep: 0 }), ShimmyError, "has not begun");
  open();
  await ended;
  await assertRejects(() => running.edit({ keep: 0 }), ShimmyError, "has ended");
});

Deno.test("an answer tells the tokens of its prompt when it is queued, if that is requested", async () => {
  const ends = () => Promise.withResolvers<unknown>();
  for (const reportsLength of [true, false]) {
    await using engine = new EngineDouble({ info: { chatTemplate: TINY_TEMPLATE } });
    const { promise, resolve } = ends();
    const known: (number | null)[] = [];
    let promptTokens = 0;
    const running = answer(engine, { ...REQUEST, reportsLength }, {
      event(event) {
        known.push(running.promptTokens);
        if (event.type === "done") promptTokens = event.usage.promptTokens;
      },
      flush() {},
      end: resolve,
    });
    assertEquals(running.promptTokens, null);
    if (!reportsLength) await assertRejects(() => running.queued, ShimmyError, "ended before");
    await promise;
    assertEquals(new Set(known), new Set([reportsLength ? promptTokens : null]));
    if (reportsLength) assertEquals(await running.queued, promptTokens);
  }
});

Deno.test("the error of an answer that is not queued is that of its wait", async () => {
  await using engine = new EngineDouble({
    info: { chatTemplate: TINY_TEMPLATE, contextLength: 1 },
  });
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const running = answer(engine, { ...REQUEST, reportsLength: true }, {
    event() {},
    flush() {},
    end: resolve,
  });
  const error = await assertRejects(() => running.queued, ShimmyError);
  assertEquals(error.kind, "context_length");
  assertEquals(await promise, error);
});
