import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { ask, collect, question, tinyEngine } from "../../tests/support/engine.ts";
import { ShimmyError } from "../errors.ts";
import type { Sampling } from "./protocol/mod.ts";

const STORY = question("Tell me a story about a fox.");

Deno.test("a loaded model describes itself", async () => {
  await using engine = await tinyEngine();
  assertEquals(engine.info.architecture, "llama");
  assertEquals(engine.info.description, "llama 2.6M Q4_K - Medium");
  assertEquals(engine.info.vocabularySize, 1024);
  assertEquals(engine.info.trainedContext, 1024);
  assertEquals(engine.info.layers, 4);
  assertEquals(engine.info.offloadedLayers, 0);
  assert(engine.info.controlTokens.includes("<|im_end|>"));
  assert(engine.info.chatTemplate?.includes("<|im_start|>"));
  assertEquals(engine.info.devices[0]?.kind, "cpu");
});

Deno.test("a greedy answer is the trained one, with usage and timings", async () => {
  await using engine = await tinyEngine();
  const { text, done, tokens } = await collect(
    engine.generate(ask(question("What is the capital of France?"))),
  );
  assertEquals(text, "The capital of France is Paris.");
  assertEquals(done.finishReason, "stop");
  // The end-of-generation token counts and has no event.
  assertEquals(done.usage, {
    promptTokens: 15,
    completionTokens: tokens.length + 1,
    cachedTokens: 0,
  });
  assertGreater(done.timings.firstTokenMs, 0);
});

Deno.test("a request tells the tokens of its prompt when it is queued, if it asks for that", async () => {
  await using engine = await tinyEngine({ parallel: 1 });
  const endless = { maxTokens: null, ignoreEos: true };
  const running = engine.generate(ask(STORY, endless))[Symbol.asyncIterator]();
  await running.next();
  // There is no slot for it.
  const asked = ask(question("What is the capital of France?"), { reportsLength: true });
  const waiting = engine.generate(asked)[Symbol.asyncIterator]();
  assertEquals((await waiting.next()).value, { type: "queued", promptTokens: 15 });
  await running.return!();
  assertEquals((await waiting.next()).value?.type, "token");
  await waiting.return!();
});

Deno.test("concurrent sequences answer as they do alone", async () => {
  const questions = [
    "Hello",
    "Count from 3 to 40.",
    "Spell the word cloud.",
    "Repeat: river tiger",
  ];
  const more = ["What is the capital of Spain?", "Give me JSON for Alice, age 30."];
  const alone: string[] = [];
  {
    await using engine = await tinyEngine({ parallel: 1 });
    for (const one of [...questions, ...more]) {
      alone.push((await collect(engine.generate(ask(question(one), { cachePrompt: false })))).text);
    }
  }
  await using engine = await tinyEngine({ parallel: 4, batchSize: 32 });
  const together = await Promise.all(
    [...questions, ...more].map((one) => collect(engine.generate(ask(question(one))))),
  );
  assertEquals(together.map(({ text }) => text), alone);
});

Deno.test("the same seed gives the same text, other seeds give others", async () => {
  await using engine = await tinyEngine();
  const tell = async (seed: number) =>
    (await collect(engine.generate(ask(STORY, { sampling: { temperature: 1.2, seed } })))).text;
  const first = await tell(1);
  assertEquals(await tell(1), first);
  const others = await Promise.all([2, 3, 4, 5].map(tell));
  assert(others.some((text) => text !== first));
});

Deno.test("an answer ends at its token limit with reason length", async () => {
  await using engine = await tinyEngine();
  const { done, tokens } = await collect(engine.generate(ask(STORY, { maxTokens: 5 })));
  assertEquals(tokens.length, 5);
  assertEquals(done.finishReason, "length");
  const none = await collect(engine.generate(ask(STORY, { maxTokens: 0 })));
  assertEquals([none.text, none.done.finishReason], ["", "length"]);
});

Deno.test("an answer ends before a stop string across token boundaries", async () => {
  await using engine = await tinyEngine();
  const whole = (await collect(engine.generate(ask(STORY)))).text;
  for (const stop of ["curious fox", "x named", "Mia", "."]) {
    const { text, done } = await collect(engine.generate(ask(STORY, { stop: [stop, "never"] })));
    assertEquals(text, whole.slice(0, whole.indexOf(stop)));
    assertEquals([done.finishReason, done.stopString], ["stop", stop]);
  }
});

Deno.test("an answer that fills the context ends with length", async () => {
  await using engine = await tinyEngine({ contextLength: 32, parallel: 1 });
  const { done } = await collect(
    engine.generate(ask(question("Count from 3 to 40."), { maxTokens: null })),
  );
  assertEquals(done.finishReason, "length");
  assertEquals(done.usage.promptTokens + done.usage.completionTokens, 32);
});

Deno.test("a prompt longer than the context is refused with both numbers", async () => {
  await using engine = await tinyEngine({ contextLength: 16 });
  const error = await assertRejects(
    () => collect(engine.generate(ask(STORY + STORY))),
    ShimmyError,
  );
  assertEquals(error.kind, "context_length");
  const { length } = await engine.tokenize([{ text: STORY + STORY, special: true }], true);
  assertEquals(error.message, `The prompt has ${length} tokens, but the context holds 16`);
});

Deno.test("an empty prompt and unknown token ids are refused by name", async () => {
  await using engine = await tinyEngine();
  for (const prompt of [[], [{ tokens: [1024] }], [{ tokens: [-1] }], [{ tokens: [1.5] }]]) {
    const error = await assertRejects(
      () => collect(engine.generate(ask("", { prompt }))),
      ShimmyError,
    );
    assertEquals([error.kind, error.field], ["invalid", "prompt"]);
  }
});

Deno.test("control tokens are parsed only in special prompt parts", async () => {
  await using engine = await tinyEngine();
  const special = await engine.tokenize([{ text: "<|im_end|>", special: true }], false);
  const plain = await engine.tokenize([{ text: "<|im_end|>", special: false }], false);
  assertEquals(special.length, 1);
  assertGreater(plain.length, 1);
  assertEquals(await engine.detokenize(plain), "<|im_end|>");
});

Deno.test("a stopped sequence frees its stream for a waiting one", async () => {
  await using engine = await tinyEngine({ parallel: 1 });
  const endless = engine.generate(ask(STORY, { maxTokens: null, ignoreEos: true }));
  const waiting = collect(engine.generate(ask(question("Hello"))));
  for await (const event of endless) {
    if (event.type === "token") break;
  }
  assertEquals((await waiting).text, "Hello! How can I help you today?");
  const status = await engine.status();
  assertEquals([status.running, status.queued], [0, 0]);
});

Deno.test("a stop control ends the answer with the text so far", async () => {
  await using engine = await tinyEngine();
  const run = engine.generate(ask(STORY, { maxTokens: null, ignoreEos: true }));
  let tokens = 0;
  for await (const event of run) {
    if (event.type === "token" && ++tokens === 3) run.control({ type: "stop" });
    if (event.type === "done") assertEquals(event.finishReason, "stop");
  }
  assertGreater(tokens, 2);
});

Deno.test("ignoreEos generates up to the token limit", async () => {
  await using engine = await tinyEngine();
  const { done } = await collect(
    engine.generate(ask(question("Hello"), { ignoreEos: true, maxTokens: 40 })),
  );
  assertEquals([done.finishReason, done.usage.completionTokens], ["length", 40]);
});

Deno.test("a paused sequence waits while others continue", async () => {
  await using engine = await tinyEngine();
  const paused = engine.generate(ask(STORY, { maxTokens: 30 }));
  paused.control({ type: "pause" });
  const iterator = paused[Symbol.asyncIterator]();
  const first = iterator.next();
  const other = await collect(engine.generate(ask(question("Hello"))));
  assertEquals(other.text, "Hello! How can I help you today?");
  const { running, queued } = await engine.status();
  assertEquals(running + queued, 1);
  paused.control({ type: "resume" });
  assertEquals((await first).value?.type, "token");
  await iterator.return?.();
});

Deno.test("an unread stream pauses its sequence and continues later", async () => {
  await using engine = await tinyEngine();
  const run = engine.generate(ask(STORY, { maxTokens: 800, ignoreEos: true }));
  const iterator = run[Symbol.asyncIterator]();
  await iterator.next();
  let before = -1;
  let steps = (await engine.status()).steps;
  while (steps !== before) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    before = steps;
    steps = (await engine.status()).steps;
  }
  // Far fewer than the 800 requested tokens: the sequence was paused, not buffered without limit.
  assert(steps < 600, `${steps} steps`);
  let tokens = 1;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    if (next.value.type === "token") tokens++;
  }
  assertEquals(tokens, 800);
});

Deno.test("changed sampling takes effect from the next token on", async () => {
  await using engine = await tinyEngine();
  const greedy = (await collect(engine.generate(ask(STORY, { maxTokens: 40 })))).tokens;
  const run = engine.generate(ask(STORY, { maxTokens: 40 }));
  const tokens: number[] = [];
  for await (const event of run) {
    if (event.type !== "token") continue;
    tokens.push(event.token);
    if (tokens.length === 1) {
      const banned = [...new Set(greedy.slice(20))].map((token) => ({ token, bias: -Infinity }));
      run.control({ type: "sampling", sampling: { logitBias: banned } });
    }
  }
  assertEquals(tokens[0], greedy[0]);
  assert(tokens.join() !== greedy.join());
});

Deno.test("log probabilities come with each token, likeliest first", async () => {
  await using engine = await tinyEngine();
  const { events } = await collect(engine.generate(ask(STORY, { logprobs: 3, maxTokens: 10 })));
  for (const event of events) {
    if (event.type !== "token") continue;
    const { logprob } = event;
    assert(logprob !== undefined);
    assertEquals(logprob.top.length, 3);
    // Greedy: the chosen token is the likeliest.
    assertStrictEquals(logprob.top[0]!.token, event.token);
    assert(logprob.top[0]!.logprob >= logprob.top[1]!.logprob);
    assert(logprob.logprob <= 0);
  }
});

Deno.test("every sampling parameter reaches the native chain", async () => {
  await using engine = await tinyEngine();
  // On untrained text the model is unsure, so every parameter has an effect.
  const prompt = "a lake in the";
  const tell = async (sampling: Partial<Sampling>) => {
    const request = ask(prompt, { sampling, maxTokens: 80, ignoreEos: true });
    return (await collect(engine.generate(request))).tokens.join();
  };
  const hot = { temperature: 1.5, seed: 11, topK: 0, topP: 1, minP: 0 };
  const plain = await tell(hot);
  const changes: Partial<Sampling>[] = [
    { temperature: 0.3 },
    { dynatempRange: 1.4 },
    { topK: 1 },
    { topP: 0.1 },
    { minP: 0.5 },
    { typicalP: 0.05 },
    { topNSigma: 0.1 },
    { xtcProbability: 1, xtcThreshold: 0.01 },
    { repeatPenalty: 1.9, repeatLastN: -1 },
    { frequencyPenalty: 1.9, repeatLastN: -1 },
    { presencePenalty: 1.9, repeatLastN: -1 },
    { dryMultiplier: 5, dryAllowedLength: 1, drySequenceBreakers: [] },
    { mirostat: 1, mirostatTau: 0.5 },
    { mirostat: 2, mirostatTau: 0.5 },
    { seed: 12 },
    { logitBias: [{ token: Number(plain.split(",")[0]), bias: -Infinity }] },
    { minP: 0.5, minKeep: 200 },
    { samplers: ["temperature", "infill"] },
    { samplers: ["adaptive_p"], adaptiveTarget: 0.9 },
    { samplers: ["adaptive_p"], adaptiveTarget: 0.1, adaptiveDecay: 0 },
    { samplers: [] },
    { temperature: 0, samplers: ["top_k"], topK: 3 },
  ];
  for (const change of changes) {
    assert(await tell({ ...hot, ...change }) !== plain, `no effect: ${JSON.stringify(change)}`);
  }
  assertEquals(await tell(hot), plain);
});

Deno.test("only the listed samplers apply, in their order", async () => {
  await using engine = await tinyEngine();
  const tell = async (sampling: Partial<Sampling>) => {
    const request = ask("a lake in the", { sampling, maxTokens: 60, ignoreEos: true });
    return (await collect(engine.generate(request))).tokens.join();
  };
  const hot = { temperature: 1.5, seed: 11, topK: 8, topP: 0.7, minP: 0 };
  const both = await tell({ ...hot, samplers: ["top_k", "top_p", "temperature"] });
  assertEquals(await tell({ ...hot, samplers: ["top_k", "top_p", "temperature", "min_p"] }), both);
  assert(await tell({ ...hot, samplers: ["temperature", "top_k", "top_p"] }) !== both);
  assert(await tell({ ...hot, samplers: ["top_k", "temperature"] }) !== both);
  // Without the temperature, a temperature of 0 is not greedy.
  const cold = { ...hot, temperature: 0, topK: 0, topP: 1 };
  assert(await tell({ ...cold, samplers: ["top_k"] }) !== await tell(cold));
});

Deno.test("log probabilities after the samplers are those that the samplers left", async () => {
  await using engine = await tinyEngine();
  for (const topK of [1, 3]) {
    const { events } = await collect(engine.generate(ask("a lake in the", {
      logprobs: 10,
      sampledLogprobs: true,
      maxTokens: 8,
      sampling: { temperature: 1, seed: 3, topK, topP: 1, minP: 0 },
    })));
    for (const event of events) {
      if (event.type !== "token") continue;
      const { logprob: chosen, top } = event.logprob!;
      assert(top.length <= topK);
      assertAlmostEquals(top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0), 1, 1e-4);
      assert(top.some(({ token, logprob }) => token === event.token && logprob === chosen));
    }
  }
});

Deno.test("answers follow a grammar, and an invalid grammar is refused", async () => {
  await using engine = await tinyEngine();
  const source = 'root ::= "yes" | "no" [0-9]{3}';
  for (const temperature of [0, 2]) {
    const { text, done } = await collect(engine.generate(ask(question("Hello"), {
      grammar: { source },
      sampling: { temperature, seed: 3, topK: 0, topP: 1, minP: 0 },
    })));
    assert(/^(yes|no[0-9]{3})$/.test(text), text);
    assertEquals(done.finishReason, "stop");
  }
  for (const unusable of ["root ::= (", 'other ::= "a"', ""]) {
    const error = await assertRejects(
      () => collect(engine.generate(ask("x", { grammar: { source: unusable } }))),
      ShimmyError,
    );
    assertEquals([error.kind, error.field], ["invalid", "grammar"]);
  }
});

Deno.test("a lazy grammar starts at its trigger", async () => {
  await using engine = await tinyEngine();
  const { text } = await collect(engine.generate(ask(question("What is the capital of France?"), {
    grammar: { source: 'root ::= " is" " Rome!"', triggers: ["France( is)"] },
  })));
  assertEquals(text, "The capital of France is Rome!");
});

Deno.test("a full queue refuses requests with a retry time", async () => {
  await using engine = await tinyEngine({ parallel: 1 });
  const runs = Array.from({ length: 40 }, () => engine.generate(ask(STORY, { maxTokens: 200 })));
  const results = await Promise.allSettled(runs.map(async (run) => {
    for await (const event of run) if (event.type === "token") return "began";
  }));
  const refused = results.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  assertGreater(refused.length, 0);
  for (const { reason } of refused) {
    assert(reason instanceof ShimmyError);
    assertEquals([reason.kind, reason.retryAfter], ["overloaded", 1]);
  }
});

Deno.test("disposal ends running sequences, is idempotent, and later calls are refused", async () => {
  const engine = await tinyEngine({ parallel: 1 });
  const outcomes = ["running", "waiting"].map(async () => {
    const run = collect(engine.generate(ask(STORY, { maxTokens: null, ignoreEos: true })));
    const error = await assertRejects(() => run, ShimmyError);
    return [error.kind, error.message];
  });
  await engine.status();
  await engine[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  const unloaded = ["overloaded", "The model is being unloaded"];
  assertEquals(await Promise.all(outcomes), [unloaded, unloaded]);
  assertEquals(await engine.closed, null);
  await assertRejects(() => engine.status(), ShimmyError);
  await assertRejects(() => collect(engine.generate(ask(STORY))), ShimmyError);
});
