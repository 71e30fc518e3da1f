/** Edits of answers in text: stop strings, grammars, the reasoning, limits and refusals. */
import { assert, assertEquals, assertGreater, assertMatch, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../errors.ts";
import { ask, question } from "../../../../tests/support/engine.ts";
import { LoopHarness } from "../../../../tests/support/loop.ts";
import type { SequenceRequest } from "../../protocol/mod.ts";

const CAPITAL = question("What is the capital of France?");
const COUNT = question("Count from 1 to 40.");

/** Runs a request up to a number of tokens. @returns its id. */
function begin(loop: LoopHarness, request: SequenceRequest, tokens: number): number {
  loop.restart();
  const id = loop.submit(request);
  loop.run(() => loop.reports[id]!.tokens.length >= tokens);
  return id;
}

Deno.test("the text of an answer after a rewind is that without one", async () => {
  using loop = await LoopHarness.load();
  const plain = loop.runAll([ask(COUNT)])[0]!.text;
  const id = begin(loop, ask(COUNT), 20);
  loop.edit(id, { keep: 5 });
  loop.run();
  assertEquals(loop.reports[id]!.text, plain);
});

Deno.test("inserted text is followed by what follows it in a prompt", async () => {
  using loop = await LoopHarness.load();
  const id = begin(loop, ask(COUNT), 4);
  loop.edit(id, { keep: 0, text: "31,32," });
  loop.run();
  const { text } = loop.reports[id]!;
  const prompt = [{ text: COUNT, special: true }, { text: "31,32,", special: false }];
  const whole = loop.runAll([ask("", { prompt })])[0]!.text;
  assertGreater(text.length, 20);
  // Inserted tokens count for the limit of tokens.
  assert(`31,32,${whole}`.startsWith(text));
});

Deno.test("stop strings apply to inserted text, and after a rewind", async () => {
  using loop = await LoopHarness.load();
  const request = ask(CAPITAL, { stop: ["Paris"] });
  const plain = loop.runAll([request])[0]!;
  const id = begin(loop, request, 4);
  loop.edit(id, { keep: 2 });
  loop.run();
  assertEquals(loop.reports[id]!.text, plain.text);
  assertEquals(loop.reports[id]!.done!.stopString, "Paris");
  const other = begin(loop, request, 4);
  loop.edit(other, { keep: 0, text: "It is Paris, I think" });
  assertEquals(loop.reports[other]!.text, "It is ");
  assertEquals(loop.reports[other]!.done!.finishReason, "stop");
});

Deno.test("a grammar applies to inserted text, and refuses what does not fit", async () => {
  using loop = await LoopHarness.load();
  const grammar = { source: 'root ::= [0-9]+ ("," [0-9]+)*' };
  const request = ask(COUNT, { grammar, maxTokens: 20 });
  const plain = loop.runAll([request])[0]!.text;
  const id = begin(loop, request, 10);
  const before = loop.reports[id]!.text;
  assertThrows(() => loop.edit(id, { keep: 4, text: "two" }), ShimmyError, "grammar");
  assertEquals(loop.reports[id]!.text, before);
  loop.edit(id, { keep: 4 });
  loop.run();
  assertEquals(loop.reports[id]!.text, plain);
  const other = begin(loop, request, 10);
  loop.edit(other, { keep: 1, text: "7," });
  loop.run();
  assertMatch(loop.reports[other]!.text, /^\d+7,[\d,]+$/);
});

Deno.test("a grammar can be set and removed for what follows", async () => {
  using loop = await LoopHarness.load();
  const grammar = { source: "root ::= [a-c]{30}" };
  const request = ask(CAPITAL, { maxTokens: 12 });
  const plain = loop.runAll([request])[0]!;
  const id = begin(loop, request, 5);
  const kept = loop.reports[id]!.texts.slice(0, 3).join("");
  loop.edit(id, { keep: 3, grammar });
  loop.run(() => loop.reports[id]!.tokens.length >= 6);
  assertMatch(loop.reports[id]!.text.slice(kept.length), /^[a-c]+$/);
  loop.edit(id, { keep: 3, grammar: null });
  loop.run();
  assertEquals(loop.reports[id]!.text, plain.text);
});

Deno.test("the reasoning and its budget follow a rewind", async () => {
  using loop = await LoopHarness.load();
  const story = question("Tell me a story about a fox. /think");
  const reasoning = { open: "<think>", close: "</think>", isOpen: false, tokens: 12 };
  const request = ask(story, { reasoning, maxTokens: 40, specialText: true, ignoreEos: true });
  const plain = loop.runAll([request])[0]!;
  assertMatch(plain.text, /<\/think>/);
  for (const keep of [2, 8, 25]) {
    const id = begin(loop, request, 30);
    loop.edit(id, { keep });
    loop.run();
    assertEquals(loop.reports[id]!.tokens, plain.tokens, `${keep} tokens`);
  }
});

Deno.test("an inserted end-of-generation token ends the answer", async () => {
  using loop = await LoopHarness.load();
  const [end] = loop.tokenize("<|im_end|>");
  const id = begin(loop, ask(COUNT), 6);
  loop.edit(id, { keep: 3, tokens: [end!] });
  const { done, tokens } = loop.reports[id]!;
  assertEquals([done!.finishReason, tokens.length], ["stop", 3]);
});

Deno.test("edits that cannot be applied are refused and change nothing", async () => {
  using loop = await LoopHarness.load();
  const id = begin(loop, ask(COUNT, { maxTokens: 20 }), 6);
  const refused = (edit: Parameters<LoopHarness["edit"]>[1], message: string) =>
    assertThrows(() => loop.edit(id, edit), ShimmyError, message);
  refused({ keep: 7 }, "rewind: must be from 0 to 6, not 7");
  refused({ keep: -1 }, "rewind: must be from 0 to 6, not -1");
  refused({ tokens: [1_000_000] }, "token: token 1000000 is not in the vocabulary");
  refused({ tokens: Array.from({ length: 15 }, () => 300) }, "room for 14");
  assertThrows(() => loop.edit(99, {}), ShimmyError, "has ended");
  loop.run();
  const { tokens } = loop.reports[id]!;
  assertEquals(tokens, loop.runAll([ask(COUNT, { maxTokens: 20 })])[0]!.tokens);
});

/** A loop whose context is full long before its answers end. */
function shifting(): Promise<LoopHarness> {
  return LoopHarness.load({ contextLength: 64, contextShift: true, lookup: false });
}

Deno.test("stop strings, penalties and counters follow a rewind after a context shift", async () => {
  using loop = await shifting();
  const sampling = { temperature: 0, repeatPenalty: 1.3, repeatLastN: 16 };
  const long = ask(COUNT, { maxTokens: 120, ignoreEos: true, sampling });
  const plain = loop.runAll([long])[0]!;
  assertEquals(plain.tokens.length, 120);
  const rewound = begin(loop, long, 110);
  assertEquals(loop.edit(rewound, { keep: 100 }), 100);
  loop.run();
  assertEquals(loop.reports[rewound]!.text, plain.text);
  assertEquals(loop.reports[rewound]!.done!.usage.discardedTokens, 10);
  // A string that begins in what stays, and ends in what comes again.
  const stop = plain.texts.slice(98, 103).join("");
  const at = plain.text.indexOf(stop);
  const request = { ...long, stop: [stop] };
  const begun = loop.runAll([request])[0]!;
  assertEquals([begun.text, begun.done!.stopString], [plain.text.slice(0, at), stop]);
  const count = begun.done!.usage.completionTokens;
  assertGreater(count, 64);
  const id = begin(loop, request, count - 1);
  loop.edit(id, { keep: count - 3 });
  loop.run();
  const { text, done } = loop.reports[id]!;
  assertEquals([text, done!.stopString, done!.usage.completionTokens], [begun.text, stop, count]);
});

Deno.test("a grammar follows a rewind after a context shift, and refuses what does not fit", async () => {
  using loop = await shifting();
  const grammar = { source: 'root ::= [0-9]+ ("," [0-9]+)*' };
  const request = ask(COUNT, { grammar, maxTokens: 100, ignoreEos: true });
  const plain = loop.runAll([request])[0]!.text;
  const id = begin(loop, request, 90);
  assertThrows(() => loop.edit(id, { keep: 85, text: "two" }), ShimmyError, "grammar");
  loop.edit(id, { keep: 85 });
  loop.run();
  assertEquals(loop.reports[id]!.text, plain);
  const other = begin(loop, request, 90);
  loop.edit(other, { keep: 80, text: ",7,", grammar: { source: "root ::= [a-c]{60}" } });
  loop.run(() => loop.reports[other]!.tokens.length >= 88);
  assertMatch(loop.reports[other]!.text, /^[\d,]+,7,[a-c]+$/);
});

Deno.test("an answer that begins with tokens goes on as the answer that had them", async () => {
  using loop = await LoopHarness.load();
  const plain = loop.runAll([ask(COUNT)])[0]!;
  const { tokens: all, text } = plain;
  const begun = { tokens: all.slice(0, 9), isReported: true };
  const [again] = loop.runAll([ask(COUNT, { begun })]);
  assertEquals([again!.text, again!.tokens], [text, all]);
  const refused = (changes: Partial<SequenceRequest>, message: string) => {
    const { error } = loop.runAll([ask(COUNT, changes)])[0]!;
    assertEquals(error?.message.includes(message), true, error?.message);
  };
  const [end] = loop.tokenize("<|im_end|>");
  refused({ begun: { tokens: [end!] } }, "begin: has a token that ends an answer");
  refused({ begun, stop: [text.slice(2, 5)] }, "begin: contains a stop string");
  refused({ begun, maxTokens: 5 }, "room for 5");
});

Deno.test("rewinds that drop many contexts of an answer are refused, and it goes on", async () => {
  using loop = await LoopHarness.load();
  const id = begin(loop, ask(COUNT, { contextLength: 128, maxTokens: null }), 4);
  const [token] = loop.reports[id]!.tokens;
  const tokens = Array(64).fill(token);
  // The first edit drops 4 tokens, each other one 64.
  for (let edits = 0; edits < 128; edits++) loop.edit(id, { keep: 0, tokens });
  assertThrows(() => loop.edit(id, { keep: 0, tokens }), ShimmyError, "at most 8192 may");
  assertEquals(loop.edit(id, { keep: 60 }), 60);
  loop.run();
  assertEquals(loop.reports[id]!.error, null);
  assertGreater(loop.reports[id]!.done!.usage.completionTokens, 60);
});
