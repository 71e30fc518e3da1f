/** Long prompts and texts are tokenized beside the loop. */
import { assertAlmostEquals, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { ask, collect, question, tinyEngine } from "../../../../tests/support/engine.ts";
import { ShimmyError } from "../../../errors.ts";
import { MAX_LONG_PROMPTS } from "./long_prompts.ts";

/** 1 MB of text. */
const LONG = "The quick brown fox jumps. ".repeat(37_038);

/** The events of an answer that has begun and does not end. */
async function endlessAnswer(engine: Awaited<ReturnType<typeof tinyEngine>>) {
  const running = engine.generate(ask(question("Hello"), { maxTokens: null, ignoreEos: true }));
  const events = running[Symbol.asyncIterator]();
  await events.next();
  return events;
}

Deno.test("an answer is computed while a long prompt is tokenized", async () => {
  await using engine = await tinyEngine({ contextShift: true, lookup: false });
  const events = await endlessAnswer(engine);
  const long = assertRejects(() => collect(engine.generate(ask(LONG))), ShimmyError);
  const before = (await engine.status()).steps;
  assertEquals((await long).kind, "context_length");
  const { steps } = await engine.status();
  // In the loop's own thread, not even one step would be computed.
  assertGreater(steps - before, 20);
  await events.return!();
});

Deno.test("counting the tokens of a long text does not hold up an answer either", async () => {
  await using engine = await tinyEngine({ contextShift: true, lookup: false });
  const events = await endlessAnswer(engine);
  const counting = engine.tokenize([{ text: LONG, special: false }], false);
  const before = (await engine.status()).steps;
  const tokens = await counting;
  assertGreater((await engine.status()).steps - before, 20);
  assertEquals(await engine.detokenize(tokens), LONG);
  await events.return!();
});

Deno.test("long texts of an embedding do not hold up an answer either", async () => {
  await using engine = await tinyEngine({ contextShift: true, lookup: false });
  const events = await endlessAnswer(engine);
  const long = { inputs: [{ field: "input", text: LONG }], normalize: true };
  const refused = assertRejects(() => engine.embed(long), ShimmyError);
  const before = (await engine.status()).steps;
  assertEquals((await refused).kind, "context_length");
  assertGreater((await engine.status()).steps - before, 20);
  await events.return!();
});

Deno.test("many texts of an embedding are embedded like each of them", async () => {
  await using engine = await tinyEngine();
  const texts = Array.from({ length: 40 }, (_, at) => `${at} ${"and so on ".repeat(50)}`);
  const inputs = texts.map((text) => ({ field: "input", text }));
  const { vectors, tokens } = await engine.embed({ inputs, normalize: true });
  assertEquals(vectors.length, 40);
  for (const at of [0, 17, 39]) {
    const alone = await engine.embed({ inputs: [inputs[at]!], normalize: true });
    assertEquals(tokens[at], alone.tokens[0]);
    const product = vectors[at]!.reduce((sum, value, i) => sum + value * alone.vectors[0]![i]!, 0);
    assertAlmostEquals(product, 1, 0.001);
  }
});

Deno.test("an embedding is cancelled although its texts are not tokenized yet", async () => {
  await using engine = await tinyEngine();
  const controller = new AbortController();
  const long = { inputs: [{ field: "input", text: LONG }], normalize: true, truncate: true };
  const waiting = { inputs: [{ field: "input", text: LONG }], normalize: true, truncate: true };
  const first = engine.embed(long);
  const cancelled = assertRejects(() => engine.embed(waiting, controller.signal), ShimmyError);
  controller.abort();
  assertEquals((await cancelled).kind, "cancelled");
  assertEquals((await first).vectors.length, 1);
  assertEquals((await engine.status()).embedding!.queued, 0);
});

Deno.test("a long prompt is answered like its tokens", async () => {
  await using engine = await tinyEngine({ contextLength: 16_384, parallel: 1 });
  const text = question("What is the capital of France? ".repeat(540));
  const tokens = await engine.tokenize([{ text, special: true }], true);
  assertEquals(await engine.detokenize(tokens), text);
  const limits = { maxTokens: 5, ignoreEos: true };
  const answer = await collect(engine.generate(ask(text, limits)));
  const same = await collect(engine.generate({ ...ask("", limits), prompt: [{ tokens }] }));
  assertEquals(answer.done.usage.promptTokens, tokens.length);
  assertEquals(answer.tokens, same.tokens);
});

Deno.test("controls of a sequence reach it although its prompt is not tokenized yet", async () => {
  await using engine = await tinyEngine({ contextLength: 16_384, parallel: 1 });
  const sequence = engine.generate(ask("a ".repeat(10_000), { maxTokens: null }));
  sequence.control({ type: "cancel" });
  const { done } = await collect(sequence);
  assertEquals(done.finishReason, "cancelled");
});

Deno.test("an engine that is unloaded while it tokenizes ends cleanly", async () => {
  const engine = await tinyEngine();
  const failed = assertRejects(() => collect(engine.generate(ask(LONG))), ShimmyError);
  await engine.status();
  await engine[Symbol.asyncDispose]();
  assertEquals((await failed).message, "The model is being unloaded");
});

Deno.test("long prompts beyond the limit are refused", async () => {
  const engine = await tinyEngine();
  // The first one takes so long that all others have arrived before it is tokenized.
  const texts = [LONG, ...Array.from({ length: MAX_LONG_PROMPTS }, () => "a ".repeat(10_000))];
  const outcomes = texts.map((text) =>
    assertRejects(() => collect(engine.generate(ask(text))), ShimmyError)
  );
  assertEquals((await outcomes.at(-1)!).kind, "overloaded");
  const kinds = (await Promise.all(outcomes.slice(0, -1))).map(({ kind }) => kind);
  assertEquals(new Set(kinds), new Set(["context_length"]));
  await engine[Symbol.asyncDispose]();
});

Deno.test("the number of a text's tokens is that of its list, for short and long texts", async () => {
  await using engine = await tinyEngine();
  for (const text of ["Hello <|im_end|>", LONG]) {
    for (const add of [true, false, "both"] as const) {
      const parts = [{ text, special: true }];
      const { length } = await engine.tokenize(parts, add);
      assertEquals(await engine.countTokens(parts, add), length);
    }
  }
});

Deno.test("a text that is much longer than the context is neither counted nor tokenized", async () => {
  await using engine = await tinyEngine();
  const parts = [{ text: "a".repeat(2 ** 20 + 1), special: false }];
  for (
    const refused of [() => engine.countTokens(parts, true), () => engine.tokenize(parts, true)]
  ) {
    const error = await assertRejects(refused, ShimmyError, "has 1048577 characters");
    assertEquals(error.kind, "invalid");
  }
});

Deno.test("long texts to count beyond the limit are refused", async () => {
  const engine = await tinyEngine();
  const texts = [LONG, ...Array.from({ length: MAX_LONG_PROMPTS }, () => "a ".repeat(10_000))];
  const counts = texts.map((text) => engine.countTokens([{ text, special: false }], false));
  const error = await assertRejects(() => counts.at(-1)!, ShimmyError, "The queue is full");
  assertEquals(error.kind, "overloaded");
  await Promise.all(counts.slice(0, -1));
  await engine[Symbol.asyncDispose]();
});

Deno.test("many tokens are decoded while an answer is computed", async () => {
  await using engine = await tinyEngine({ contextShift: true, lookup: false });
  const tokens = await engine.tokenize([{
    text: "The \u20ac fox. ".repeat(60_000),
    special: false,
  }], false);
  const running = engine.generate(ask(question("Hello"), { maxTokens: null, ignoreEos: true }));
  const events = running[Symbol.asyncIterator]();
  await events.next();
  const before = (await engine.status()).steps;
  assertEquals(await engine.detokenize(tokens), "The \u20ac fox. ".repeat(60_000));
  assertGreater((await engine.status()).steps - before, 1);
  await events.return!();
});
