/** Reasoning phases: each phase has its own sampling, and only the answer has a grammar. */
import { assert, assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import {
  ask,
  collect,
  DRAFT,
  question,
  TINY_F16,
  tinyEngine,
} from "../../../tests/support/engine.ts";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";
import type {
  Control,
  LoadOptions,
  ReasoningPhase,
  Sampling,
  SequenceRequest,
} from "../protocol/mod.ts";

const CLOSE = "</think>";
const STORY = question("Tell me a story about a fox. /think");
const COUNT = question("Count from 3 to 40. /think");
const CAPITAL = question("What is the capital of France? /think");
const GREEDY = { temperature: 0 };
/** High enough that two seeds give different texts. */
const WILD = { temperature: 2, topK: 0, topP: 1, minP: 0, seed: 3 };

function thinking(changes: Partial<ReasoningPhase> = {}): ReasoningPhase {
  return { open: "<think>", close: CLOSE, isOpen: false, ...changes };
}

/** Reasoning and answer: tokens and text. */
async function say(engine: Engine, prompt: string, request: Partial<SequenceRequest>) {
  const run = engine.generate(ask(prompt, request));
  const { tokens, text, done, events } = await collect(run);
  const [close] = await engine.tokenize([{ text: CLOSE, special: true }], false);
  const end = tokens.indexOf(close!) + 1;
  const logprobs = events.flatMap((event) => event.type === "token" ? [event.logprob] : []);
  return {
    text,
    tokens,
    reasoning: tokens.slice(0, end),
    answer: tokens.slice(end),
    done,
    logprobs,
  };
}

Deno.test("reasoning and answer have separate sampling", async () => {
  await using engine = await tinyEngine();
  const plain = await say(engine, STORY, { sampling: GREEDY });
  assertGreater(plain.reasoning.length, 10);
  const answers = new Set<string>();
  for (const seed of [1, 2, 3]) {
    const { reasoning, answer } = await say(engine, STORY, {
      sampling: { ...WILD, seed },
      reasoning: thinking({ isOpen: true, sampling: GREEDY }),
    });
    // The prompt does not end inside of the reasoning; told so, the first token is sampled as it is.
    assertEquals(reasoning, plain.reasoning);
    answers.add(answer.join());
  }
  assertEquals(answers.size, 3);
  const wild = await say(engine, `${STORY}<think>\n`, {
    sampling: GREEDY,
    reasoning: thinking({ isOpen: true, sampling: WILD, tokens: 12 }),
  });
  assertNotEquals(wild.reasoning.slice(0, 12), plain.reasoning.slice(2, 14));
  // A greedy answer to the same tokens.
  const { tokens } = await say(engine, "", {
    prompt: [
      { text: `${STORY}<think>\n`, special: true },
      { tokens: wild.reasoning },
    ],
  });
  assertEquals(wild.answer, tokens.slice(0, wild.answer.length));
});

Deno.test("an answer without reasoning uses the sampling of the answer", async () => {
  await using engine = await tinyEngine();
  const prompt = question("Tell me a story about a fox.");
  const plain = await say(engine, prompt, { sampling: WILD });
  const phased = await say(engine, prompt, {
    sampling: WILD,
    reasoning: thinking({ sampling: GREEDY }),
  });
  assertEquals(phased.tokens, plain.tokens);
});

Deno.test("phases with equal sampling share one chain", async () => {
  await using engine = await tinyEngine();
  const sampling = { ...WILD, temperature: 1.2, repeatPenalty: 1.2 };
  const plain = await say(engine, STORY, { sampling });
  const same = { temperature: 1.2, logitBias: [] };
  for (const reasoning of [thinking(), thinking({ sampling: {} }), thinking({ sampling: same })]) {
    assertEquals((await say(engine, STORY, { sampling, reasoning })).tokens, plain.tokens);
  }
});

Deno.test("the same seeds give the same text, with a seed per phase", async () => {
  await using engine = await tinyEngine();
  const tell = async (seed: number, thought: Partial<Sampling>) => {
    const sampling = { ...WILD, temperature: 1.5, seed };
    const reasoning = thinking({ isOpen: true, sampling: { ...WILD, ...thought }, tokens: 8 });
    return await say(engine, `${STORY}<think>`, { sampling, reasoning });
  };
  const first = await tell(5, { seed: 6 });
  assertEquals((await tell(5, { seed: 6 })).tokens, first.tokens);
  assertNotEquals((await tell(5, { seed: 7 })).reasoning, first.reasoning);
  const other = await tell(8, { seed: 6 });
  assertEquals(other.reasoning, first.reasoning);
  assertNotEquals(other.answer, first.answer);
});

Deno.test("penalties of the answer look back on the reasoning and the prompt", async () => {
  await using engine = await tinyEngine();
  const sampling = { ...GREEDY, presencePenalty: 9, repeatLastN: -1 };
  const { reasoning, answer } = await say(engine, STORY, {
    sampling,
    reasoning: thinking({ isOpen: true, sampling: { presencePenalty: 0 } }),
  });
  const prompt: SequenceRequest["prompt"] = [{ text: STORY, special: true }, { tokens: reasoning }];
  const penalized = await say(engine, "", { prompt, sampling });
  assertEquals(answer.slice(0, 20), penalized.tokens.slice(0, 20));
  // The penalties make the difference.
  const free = await say(engine, "", { prompt, sampling: GREEDY });
  assertNotEquals(answer.slice(0, 20), free.tokens.slice(0, 20));
});

Deno.test("a budget ends reasoning that has its own sampling", async () => {
  await using engine = await tinyEngine();
  const { reasoning, answer } = await say(engine, STORY, {
    sampling: GREEDY,
    reasoning: thinking({ tokens: 5, sampling: WILD }),
  });
  assertEquals(reasoning.length, 1 + 5 + 1);
  assertGreater(answer.length, 5);
});

for (const [name, options] of [["lookup", {}], ["a model", { draftPaths: [DRAFT] }]] as const) {
  Deno.test(`drafts by ${name} change no token across the change of phase`, async () => {
    const ways: Partial<SequenceRequest>[] = [
      { sampling: GREEDY, reasoning: thinking({ sampling: { ...WILD, temperature: 1.1 } }) },
      { sampling: { ...WILD, temperature: 1.1 }, reasoning: thinking({ sampling: GREEDY }) },
      {
        sampling: { ...WILD, temperature: 1 },
        reasoning: thinking({ sampling: { temperature: 1.4 }, tokens: 9 }),
        grammar: { source: 'root ::= [^x]+ "x"', triggers: ["(The|Once|[0-9]+)"] },
      },
    ];
    const tell = async (load: Partial<LoadOptions>) => {
      // The less is rounded, the less a batch of another size can change.
      await using engine = await tinyEngine({ modelPaths: [TINY_F16], kvType: "f32", ...load });
      const told: (readonly number[])[] = [];
      for (const way of ways) {
        for (const prompt of [STORY, COUNT, CAPITAL]) {
          told.push((await say(engine, prompt, { ...way, cachePrompt: false })).tokens);
        }
      }
      return { told, status: await engine.status() };
    };
    const plain = await tell({ lookup: false });
    const drafted = await tell({ lookup: true, ...options });
    assertEquals(drafted.told, plain.told);
    assertGreater(drafted.status.acceptedTokens, 0);
  });
}

Deno.test("log probabilities come with each token of both phases", async () => {
  await using engine = await tinyEngine();
  const { reasoning, answer, logprobs } = await say(engine, CAPITAL, {
    logprobs: 2,
    sampling: GREEDY,
    reasoning: thinking({ sampling: WILD, tokens: 6 }),
  });
  assertEquals(logprobs.length, reasoning.length + answer.length);
  for (const one of logprobs) assertEquals(one?.top.length, 2);
});

Deno.test("a trigger in the reasoning does not activate a lazy grammar", async () => {
  await using engine = await tinyEngine();
  const free = await say(engine, CAPITAL, {});
  assert(free.text.includes("answer.\n</think>\n\nThe capital of France"), free.text);
  for (const limit of [{}, { tokens: 100 }, { tokens: 14 }]) {
    const { text } = await say(engine, CAPITAL, {
      reasoning: thinking(limit),
      grammar: { source: 'root ::= " of" " Spain!"', triggers: ["capital( of)"] },
    });
    const [reasoned, answered] = text.split(CLOSE);
    assertEquals(
      reasoned,
      "tokens" in limit && limit.tokens === 14
        ? free.text.slice(0, reasoned!.length)
        : free.text.split(CLOSE)[0],
    );
    assert(reasoned!.includes("capital of"), text);
    assert(answered!.trim().endsWith("capital of Spain!"), text);
  }
});

/** Changes the sampling before the first token: the sequence waits for the only stream. */
async function steered(request: Partial<SequenceRequest>, controls: readonly Control[]) {
  await using engine = await tinyEngine({ parallel: 1 });
  const other = engine.generate(ask(STORY, { maxTokens: null, ignoreEos: true }));
  const events = other[Symbol.asyncIterator]();
  await events.next();
  const run = engine.generate(ask(STORY, { maxTokens: 60, ...request }));
  for (const control of controls) run.control(control);
  const told = collect(run);
  await events.return?.();
  const { tokens } = await told;
  const [close] = await engine.tokenize([{ text: CLOSE, special: true }], false);
  const end = tokens.indexOf(close!) + 1;
  return [tokens.slice(0, end), tokens.slice(end)].map((part) => part.join());
}

Deno.test("a sampling change applies to the current and later phases, or to the named one", async () => {
  const sampling = { ...WILD, temperature: 1.5 };
  for (const reasoning of [thinking({ isOpen: true }), thinking({ isOpen: true, sampling })]) {
    const request = { sampling, reasoning };
    const plain = await steered(request, []);
    const greedy = await steered({ sampling: GREEDY }, []);
    const steer = (phase?: "reasoning" | "answer") =>
      steered(request, [{ type: "sampling", sampling: GREEDY, ...(phase ? { phase } : {}) }]);
    assertEquals(await steer(), greedy);
    const onlyReasoning = await steer("reasoning");
    assertEquals(onlyReasoning[0], greedy[0]);
    assertNotEquals(onlyReasoning[1], greedy[1]);
    const onlyAnswer = await steer("answer");
    assertEquals(onlyAnswer[0], plain[0]);
    assertNotEquals(onlyAnswer[1], plain[1]);
  }
});

Deno.test("a sampling change of the reasoning has no effect without reasoning", async () => {
  const request = { sampling: { ...WILD, temperature: 1.5 } };
  const steer: Control = { type: "sampling", sampling: GREEDY, phase: "reasoning" };
  assertEquals(await steered(request, [steer]), await steered(request, []));
});

Deno.test("a stop string ends the answer, not the reasoning", async () => {
  await using engine = await tinyEngine();
  const request = { sampling: GREEDY, specialText: true, reasoning: thinking() };
  const plain = await say(engine, STORY, request);
  const end = plain.text.indexOf(CLOSE);
  assertGreater(end, 0);
  // A word of the reasoning that the answer has too, or else one that only the reasoning has.
  const words = plain.text.slice(0, end).match(/[a-z]{4,}/g)!;
  const word = words.find((one) => one !== "think" && plain.text.indexOf(one, end) > 0) ??
    words[1]!;
  const { text, done } = await say(engine, STORY, { ...request, stop: [word] });
  const stopped = plain.text.indexOf(word, end);
  assertEquals(text, stopped < 0 ? plain.text : plain.text.slice(0, stopped));
  assertEquals(done.stopString, stopped < 0 ? null : word);
});
