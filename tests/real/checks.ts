/** Compares a real model with what llama.cpp's own programs said; `deno task goldens` writes the facts. */
import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { LLAMA_VERSION } from "../../ffi/mod.ts";
import { expandPrompt, PROSE, type RealPrompt } from "../../scripts/goldens/real_inputs.ts";
import type { LoadOptions } from "../../src/engine/protocol/mod.ts";
import { distance, texts } from "../support/encoders.ts";
import { ask, collect, type IteratingEngine as Engine, tinyEngine } from "../support/engine.ts";
import { provideModel, type RealModel } from "./real_models.ts";

/**
 * Differences of log probabilities, at most. Quantized weights have other kernels for one row than for
 * several rows, and other kernels on each kind of processor, which round in different ways. The largest
 * differences on a processor with AMX are 0.18 with SmolLM2 and 0.28 with Gemma 3; with the same kernels it
 * is 0.0003.
 */
const ROUNDING = 0.5;
/** Difference of an embedding, a vector of length 1, at most. */
const EMBEDDING_ROUNDING = 0.02;
/** Share by which a perplexity may differ, at most. */
const PERPLEXITY_ROUNDING = 0.03;
/** Share of the tokens that must be compared, at least. */
const MIN_COMPARED = 0.5;

/** A golden file. */
export interface Golden {
  readonly llama: string;
  readonly sha256: string;
  readonly rows: readonly { readonly fact: string }[];
}

interface Facts {
  readonly tokens: {
    readonly name: string;
    readonly text: string;
    readonly special: boolean;
    readonly tokens: readonly number[];
  };
  readonly continuation: RealPrompt & {
    readonly text: string;
    readonly tokens: readonly number[];
    readonly logprobs: readonly number[];
    /** Difference of log probabilities to the next likely token. */
    readonly leads: readonly number[];
    readonly finishReason: "stop" | "length";
  };
  readonly template: { readonly name: string; readonly prompt: string };
  readonly call: { readonly question: string; readonly prompt: string; readonly text: string };
  readonly embedding: { readonly text: string; readonly vector: readonly number[] };
  readonly perplexity: {
    readonly chunk: number;
    readonly chunks: number;
    readonly running: readonly number[];
  };
}

/** The facts of one kind in a golden file. */
export function factsOf<K extends keyof Facts>(golden: Golden, kind: K): readonly Facts[K][] {
  const rows = golden.rows.filter(({ fact }) => fact === kind);
  assertGreater(rows.length, 0, kind);
  return rows as unknown as readonly Facts[K][];
}

/** Registers tests with a model. They are skipped, with a sentence on stderr, where it cannot be fetched. */
export async function realModelTests(
  model: RealModel,
  golden: Golden,
  tests: Readonly<
    Record<string, (load: (changes?: Partial<LoadOptions>) => Promise<Engine>) => Promise<void>>
  >,
): Promise<void> {
  const provided = await provideModel(model);
  if ("missing" in provided) console.error(`skipped: ${model.file}: ${provided.missing}`);
  const path = "path" in provided ? provided.path : "";
  const ignore = path === "";
  const options = { modelPaths: [path], contextLength: 1024 };
  Deno.test({
    name: `${model.file}: the facts are of the pinned version and of this file`,
    ignore,
    async fn() {
      assertEquals(golden.llama, LLAMA_VERSION);
      assertEquals(golden.sha256, model.sha256);
      const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
      assertEquals(encodeHex(digest), model.sha256);
    },
  });
  for (const [name, test] of Object.entries(tests)) {
    Deno.test({
      name: `${model.file}: ${name}`,
      ignore,
      fn: () => test((changes = {}) => tinyEngine({ ...options, ...changes })),
    });
  }
}

/** Texts have the same tokens, and tokens the same text. */
export async function checkTokens(engine: Engine, golden: Golden): Promise<void> {
  for (const { name, text, special, tokens } of factsOf(golden, "tokens")) {
    const what = `${name}, ${special ? "control tokens" : "text alone"}`;
    assertEquals(await engine.tokenize([{ text, special }], false), tokens, what);
    assertEquals(await engine.detokenize(tokens), text.toWellFormed(), what);
  }
}

/** How a continuation was computed, and how many of its tokens are those of the fact. */
interface Continued {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly same: number;
}

/**
 * A greedy continuation has the same tokens, text and log probabilities, up to a token that rounding may
 * decide.
 */
export async function checkContinuation(
  engine: Engine,
  fact: Facts["continuation"],
  cachePrompt: boolean,
): Promise<Continued> {
  const prompt = expandPrompt(fact);
  // The token after the last one of the fact depends on rounding.
  const maxTokens = fact.tokens.length + (fact.finishReason === "stop" ? 1 : 0);
  const answer = await collect(
    engine.generate(ask(prompt, { maxTokens, cachePrompt, logprobs: 0 })),
  );
  const what = `'${fact.text}' after ${fact.lines} lines and '${fact.end}'`;
  const { tokens, events, done: { usage, finishReason } } = answer;
  const first = fact.tokens.findIndex((token, at) => token !== tokens[at]);
  const same = first < 0 ? fact.tokens.length : first;
  if (first < 0) assertEquals([answer.text, finishReason], [fact.text, fact.finishReason], what);
  else assertLess(fact.leads[first]!, 2 * ROUNDING, `${what}, but '${answer.text}'`);
  events.slice(0, same).forEach((event, at) => {
    if (event.type !== "token") throw new Error(`${what} has no token ${at}`);
    assertAlmostEquals(
      event.logprob!.logprob,
      fact.logprobs[at]!,
      ROUNDING,
      `${what}: token ${at}`,
    );
  });
  return { ...usage, same };
}

/** Most tokens of the facts are compared. */
function assertCompared(facts: readonly Facts["continuation"][], same: readonly number[]): void {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  assertGreater(sum(same) / sum(facts.map(({ tokens }) => tokens.length)), MIN_COMPARED);
}

/** All continuations, one after the other without the prefix cache. */
export async function checkContinuations(engine: Engine, golden: Golden): Promise<void> {
  const facts = factsOf(golden, "continuation");
  const same = [];
  for (const fact of facts) {
    const continued = await checkContinuation(engine, fact, false);
    assertEquals(continued.cachedTokens, 0);
    same.push(continued.same);
  }
  assertCompared(facts, same);
}

/** All short continuations at once. */
export async function checkTogether(engine: Engine, golden: Golden): Promise<void> {
  const facts = factsOf(golden, "continuation").filter(({ lines }) => lines === 0);
  const continued = await Promise.all(facts.map((fact) => checkContinuation(engine, fact, true)));
  assertCompared(facts, continued.map(({ same }) => same));
}

/**
 * Prompts that share long prefixes, one after the other, each twice, with the prefix cache.
 * @param share share of a common prefix that is reused, at least.
 * @param atLeast tokens of the shortest prefix of which that is expected.
 */
export async function checkReuse(
  engine: Engine,
  golden: Golden,
  share: number,
  atLeast = 0,
): Promise<void> {
  const facts = factsOf(golden, "continuation").filter(({ lines }) => lines > 0);
  let before: readonly number[] = [];
  const same = [];
  for (const fact of facts) {
    const tokens = await engine.tokenize([{ text: expandPrompt(fact), special: true }], true);
    const common = tokens.findIndex((token, at) => token !== before[at]);
    const first = await checkContinuation(engine, fact, true);
    const what = `${first.cachedTokens} of ${common} common tokens, ${fact.lines} lines`;
    if (common >= atLeast) assert(first.cachedTokens >= common * share, what);
    const again = await checkContinuation(engine, fact, true);
    assertEquals(again.cachedTokens, again.promptTokens - 1);
    same.push(first.same, again.same);
    if (fact === facts[0]) before = tokens;
  }
  assertCompared([...facts, ...facts], same);
}

/** Embeddings are the same vectors. */
export async function checkEmbeddings(engine: Engine, golden: Golden): Promise<void> {
  const facts = factsOf(golden, "embedding");
  const { vectors } = await engine.embed(texts(facts.map(({ text }) => text)));
  facts.forEach(({ text, vector }, index) => {
    const off = distance(vectors[index]!, vector);
    assert(off < EMBEDDING_ROUNDING, `${text}: off by ${off}`);
  });
}

/**
 * Perplexity as `llama-perplexity` computes it: the tokens in chunks, each beginning with BOS where the
 * vocabulary asks for it, of which the second half is scored.
 */
export async function checkPerplexity(engine: Engine, golden: Golden): Promise<void> {
  const [{ chunk, chunks, running }] = factsOf(golden, "perplexity") as [Facts["perplexity"]];
  const tokens = await engine.tokenize([{ text: PROSE, special: true }], true);
  const [bos] = await engine.tokenize([{ text: engine.info.bosText, special: true }], false);
  let sum = 0;
  let count = 0;
  for (let index = 0; index < chunks; index++) {
    const part = tokens.slice(index * chunk, (index + 1) * chunk);
    if (tokens[0] === bos) part[0] = bos!;
    const events = await Array.fromAsync(engine.generate(
      ask("", { prompt: [{ tokens: part }], maxTokens: 0, promptLogprobs: 0, cachePrompt: false }),
    ));
    const scores = events.flatMap((event) => event.type === "prompt" ? event.logprobs : []);
    assertEquals(scores.map(({ token }) => token), part);
    for (const { logprob } of scores.slice(chunk / 2 + 1)) {
      sum -= logprob!;
      count++;
    }
    const expected = running[index]!;
    assertAlmostEquals(Math.exp(sum / count), expected, expected * PERPLEXITY_ROUNDING);
  }
}
