/** Rewinds, insertions and forks with each kind of memory: the tokens are those of a run without them. */
import { assertEquals, assertLess } from "@std/assert";
import { ask } from "../../../tests/support/engine.ts";
import { randomNumbers } from "../../../tests/support/exactness.ts";
import type { LoopHarness } from "../../../tests/support/loop.ts";
import { KINDS, withLoop } from "../../../tests/support/memory_kinds.ts";
import type { SequenceRequest } from "../protocol/mod.ts";

const PROMPT = 120;
const ANSWER = 40;
/** Tokens that stay. */
const KEPT = 12;

const random = randomNumbers(5);
const words = (count: number) => Array.from({ length: count }, () => 300 + random(280));

function from(prompt: readonly number[], changes: Partial<SequenceRequest> = {}): SequenceRequest {
  return ask("", { prompt: [{ tokens: prompt }], maxTokens: ANSWER, ignoreEos: true, ...changes });
}

/** A request that runs up to a number of tokens. @returns its id. */
function begin(loop: LoopHarness, request: SequenceRequest, tokens: number): number {
  loop.restart();
  const id = loop.submit(request);
  loop.run(() => loop.reports[id]!.tokens.length >= tokens);
  return id;
}

/** The tokens that were computed since a call. */
function computed(loop: LoopHarness, since: number): number {
  return loop.calls.slice(since).reduce((sum, { tokens }) => sum + tokens, 0);
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: a rewind gives the answer without a rewind, and computes no prompt`, async () => {
    await withLoop(kind, (loop) => {
      const request = from(words(PROMPT));
      const plain = [...loop.runAll([request])[0]!.tokens];
      assertEquals(plain.length, ANSWER);
      const id = begin(loop, request, 30);
      for (let again = 0; again < 2; again++) {
        const before = loop.calls.length;
        assertEquals(loop.edit(id, { keep: KEPT }), KEPT);
        loop.run(() => loop.reports[id]!.tokens.length >= 30);
        const count = computed(loop, before);
        // The second rewind finds the checkpoint of the first.
        if (kind.cuts || again > 0) assertEquals(count, 30 - KEPT);
        else assertLess(count, 30 + 1);
      }
      loop.run();
      const { tokens, done } = loop.reports[id]!;
      assertEquals(tokens, plain);
      assertEquals(done!.usage.completionTokens, ANSWER);
      assertEquals(done!.usage.discardedTokens, 2 * (30 - KEPT));
    });
  });

  Deno.test(`${kind.name}: after inserted tokens the answer is that to the prompt with them`, async () => {
    await withLoop(kind, (loop) => {
      const prompt = words(PROMPT);
      const id = begin(loop, from(prompt), 30);
      const kept = loop.reports[id]!.tokens.slice(0, KEPT);
      const inserted = words(5);
      loop.edit(id, { keep: KEPT, tokens: inserted });
      loop.run();
      const { tokens } = loop.reports[id]!;
      assertEquals(tokens.slice(0, KEPT + 5), [...kept, ...inserted]);
      assertEquals(tokens.length, ANSWER);
      const whole = from([...prompt, ...kept, ...inserted], { maxTokens: ANSWER - KEPT - 5 });
      assertEquals(tokens.slice(KEPT + 5), loop.runAll([whole])[0]!.tokens);
    });
  });

  Deno.test(`${kind.name}: forks begin with the tokens of a running answer, and use its cells`, async () => {
    await withLoop(kind, (loop) => {
      const request = from(words(PROMPT));
      const plain = [...loop.runAll([request])[0]!.tokens];
      begin(loop, request, 30);
      const begun = { tokens: plain.slice(0, KEPT) };
      const forks = [1, 2].map(() => loop.submit({ ...request, begun }));
      loop.run();
      for (const { tokens, done } of forks.map((fork) => loop.reports[fork]!)) {
        assertEquals(tokens, plain.slice(KEPT));
        assertEquals(done!.usage.completionTokens, ANSWER);
        const shared = kind.cuts ? PROMPT + KEPT - 1 : PROMPT - 1;
        assertEquals(done!.usage.cachedTokens, shared);
      }
      assertEquals(loop.reports[0]!.tokens, plain);
    });
  });

  Deno.test(`${kind.name}: an answer that waits for a stream can be rewound`, async () => {
    await withLoop(kind, (loop) => {
      const request = from(words(PROMPT));
      const plain = [...loop.runAll([request])[0]!.tokens];
      const id = begin(loop, request, 30);
      loop.control(id, { type: "pause" });
      const other = loop.submit(from(words(PROMPT)));
      loop.run(() => loop.reports[other]!.done !== null);
      loop.edit(id, { keep: KEPT });
      loop.control(id, { type: "resume" });
      loop.run();
      assertEquals(loop.reports[id]!.tokens, plain);
    }, { parallel: 1 });
  });
}

Deno.test("penalties and drafts follow a rewind", async () => {
  await withLoop(KINDS[0]!, (loop) => {
    const sampling = { temperature: 0, repeatPenalty: 1.5, repeatLastN: 32 };
    const request = from(words(PROMPT), { sampling });
    const plain = [...loop.runAll([request])[0]!.tokens];
    const id = begin(loop, request, 30);
    loop.edit(id, { keep: KEPT });
    loop.run();
    assertEquals(loop.reports[id]!.tokens, plain);
  }, { lookup: true });
});
