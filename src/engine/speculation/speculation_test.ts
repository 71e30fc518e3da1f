import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { writeModel } from "../../../scripts/bench/gguf_writer.ts";
import { QUICK_SHAPE } from "../../../scripts/bench/models.ts";
import { benchVocabulary } from "../../../scripts/bench/vocabulary.ts";
import {
  ask,
  collect,
  DRAFT,
  question,
  TINY_F16,
  tinyEngine,
} from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";
import type { LoadOptions, Sampling } from "../protocol/mod.ts";

const PROMPTS = [
  question("Repeat: river tiger piano river tiger piano river tiger piano"),
  question("Count from 3 to 40."),
  question("Tell me a story about a fox."),
  question("Spell the word cloud."),
  "1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4,",
  "a b c d e f g a b c d e f g a b c",
  question("Give me JSON for Alice, age 30."),
];

/**
 * Batches of several rows use other kernels than one row. With quantized weights the rounding
 * sometimes decides between equally likely tokens; with these weights it is twenty times smaller.
 */
const EXACT = { modelPaths: [TINY_F16] };

async function answers(options: Partial<LoadOptions>, sampling: Partial<Sampling>) {
  await using engine = await tinyEngine({ ...EXACT, ...options });
  const texts: number[][] = [];
  for (const prompt of PROMPTS) {
    const request = ask(prompt, { sampling, maxTokens: 120, cachePrompt: false });
    texts.push([...(await collect(engine.generate(request))).tokens]);
  }
  return { texts, status: await engine.status() };
}

for (
  const [name, sampling] of [
    ["greedy", { temperature: 0 }],
    ["sampled", { temperature: 0.9, seed: 5 }],
    ["penalized", { temperature: 0, repeatPenalty: 1.3, repeatLastN: -1 }],
  ] as const
) {
  Deno.test(`${name} text is the same with and without drafts`, async () => {
    const plain = await answers({ lookup: false }, sampling);
    assertEquals([plain.status.draftedTokens, plain.status.acceptedTokens], [0, 0]);
    const lookup = await answers({ lookup: true }, sampling);
    assertEquals(lookup.texts, plain.texts);
    assertGreater(lookup.status.draftedTokens, 0);
    const draft = await answers({ draftPaths: [DRAFT] }, sampling);
    assertEquals(draft.texts, plain.texts);
    assertGreater(draft.status.acceptedTokens, 0);
    const kinds = [plain, lookup, draft].map(({ status }) => status.speculation);
    assertEquals(kinds, [null, "lookup", "draft"]);
  });
}

Deno.test("accepted drafts reduce the number of steps", async () => {
  const plain = await answers({ lookup: false }, { temperature: 0 });
  const drafted = await answers({ lookup: false, draftPaths: [DRAFT] }, { temperature: 0 });
  assert(drafted.status.steps < plain.status.steps);
  assertEquals(drafted.status.completionTokens, plain.status.completionTokens);
});

Deno.test("drafted and accepted tokens are reported with the answer", async () => {
  await using engine = await tinyEngine({ draftPaths: [DRAFT] });
  const { done } = await collect(engine.generate(ask(question("Count from 3 to 40."))));
  assertGreater(done.timings.draftedTokens!, 0);
  assert(done.timings.acceptedTokens! <= done.timings.draftedTokens!);
});

Deno.test("concurrent sequences with drafts answer as they do alone", async () => {
  const alone = await answers({ lookup: false }, { temperature: 0 });
  for (const draftPaths of [undefined, [DRAFT]]) {
    await using engine = await tinyEngine({ ...EXACT, draftPaths, parallel: 3 });
    const together = await Promise.all(
      PROMPTS.map((prompt) => collect(engine.generate(ask(prompt, { maxTokens: 120 })))),
    );
    assertEquals(together.map(({ tokens }) => [...tokens]), alone.texts);
  }
});

Deno.test("drafts respect a grammar, stop strings and the token limit", async () => {
  await using engine = await tinyEngine({ draftPaths: [DRAFT] });
  const counted = await collect(engine.generate(ask(question("Count from 3 to 40."), {
    grammar: { source: 'root ::= [0-9]+ (", " [0-9]+){4} "."' },
  })));
  assert(/^\d+(, \d+){4}\.$/.test(counted.text), counted.text);
  const stopped = await collect(
    engine.generate(ask(question("Count from 3 to 40."), { stop: ["9, 10"] })),
  );
  assertEquals(stopped.text, "3, 4, 5, 6, 7, 8, ");
  for (const maxTokens of [1, 2, 3, 7]) {
    const short = await collect(
      engine.generate(ask(question("Count from 3 to 40."), { maxTokens })),
    );
    assertEquals(short.tokens.length, maxTokens);
  }
});

Deno.test("an invalid draft model is refused by name", async () => {
  const error = await assertRejects(
    () => tinyEngine({ draftPaths: ["no-such.gguf"] }),
    ShimmyError,
  );
  assertEquals(error.message, "Cannot load model: file cannot be opened");
  await using same = await tinyEngine({ draftPaths: [TINY_F16] });
  const { text } = await collect(same.generate(ask(question("Hello"))));
  assertEquals(text, "Hello! How can I help you today?");
});

Deno.test("a draft model with another vocabulary is refused, or skipped with a note if it is optional", async () => {
  await withFolder(async (folder) => {
    const other = join(folder, "other.gguf");
    await writeModel(other, QUICK_SHAPE, benchVocabulary(512));
    const error = await assertRejects(() => tinyEngine({ draftPaths: [other] }), ShimmyError);
    const reason = "its vocabulary differs from that of the model";
    assertEquals([error.kind, error.field, error.message], [
      "invalid",
      "draft",
      `Cannot use the draft model: ${reason}`,
    ]);
    await using engine = await tinyEngine({ draftPaths: [other], isDraftOptional: true });
    assertEquals(engine.info.notes, [`The draft model is skipped: ${reason}`]);
    const { text } = await collect(engine.generate(ask(question("Hello"))));
    assertEquals(text, "Hello! How can I help you today?");
    assertEquals((await engine.status()).speculation, "lookup");
    await using planned = await tinyEngine({
      draftPaths: [other],
      isDraftOptional: true,
      notes: engine.info.notes,
    });
    assertEquals(planned.info.notes, engine.info.notes);
  });
});

Deno.test("with context shift an answer continues when its context is full", async () => {
  await using engine = await tinyEngine({ contextShift: true, contextLength: 64, parallel: 1 });
  const { done } = await collect(engine.generate(
    ask(question("Count from 3 to 40."), { maxTokens: 200, ignoreEos: true }),
  ));
  assertEquals([done.finishReason, done.usage.completionTokens], ["length", 200]);
  // The stream is intact afterwards: the next answer is correct.
  const { text } = await collect(engine.generate(ask(question("Hello"))));
  assertEquals(text, "Hello! How can I help you today?");
});

Deno.test("a waiting request with a higher priority runs first", async () => {
  await using engine = await tinyEngine({ parallel: 1 });
  const order: string[] = [];
  const run = async (name: string, priority: number) => {
    const request = ask(question("Hello"), { priority, cachePrompt: false });
    await collect(engine.generate(request));
    order.push(name);
  };
  await Promise.all([run("first", 0), run("low", -1), run("normal", 0), run("high", 1)]);
  assertEquals(order.slice(1), ["high", "normal", "low"]);
});
