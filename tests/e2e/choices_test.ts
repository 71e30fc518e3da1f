/** Several answers to one prompt, from the real engine through the server's handler. */
import { assert, assertEquals } from "@std/assert";
import type { Engine } from "../../src/engine/engine.ts";
import { createHandler } from "../../src/server/app.ts";
import { SETTINGS } from "../doubles/context.ts";
import { entryDouble, PoolDouble } from "../doubles/pool.ts";
import { readEvents } from "../doubles/server.ts";
import { TINY_F16, tinyEngine } from "../support/engine.ts";

const SEED = 11;
const PROMPT =
  `<|im_start|>system\nYou are a helpful assistant who answers in full sentences and tells
stories about animals and towns whenever somebody asks for one of them.<|im_end|>
<|im_start|>user\nTell me a story about a fox.<|im_end|>\n<|im_start|>assistant\n`;
const COMPLETION = { prompt: PROMPT, max_tokens: 30, temperature: 1, seed: SEED };

async function serve() {
  const engine = await tinyEngine({ modelPaths: [TINY_F16], parallel: 4 });
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const handler = createHandler({ pool, settings: SETTINGS });
  const post = (path: string, body: unknown, signal?: AbortSignal) =>
    handler(
      new Request(`http://localhost${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
    );
  const ask = async (body: unknown, path = "/v1/completions") => {
    const response = await post(path, body);
    assertEquals(response.status, 200);
    return await response.json();
  };
  return { engine, post, ask, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

/** Prompt tokens that were computed and not taken from the cache while `work` was done. */
async function computed<T>(engine: Engine, work: () => Promise<T>): Promise<[T, number]> {
  const before = await engine.status();
  const result = await work();
  const after = await engine.status();
  const cached = after.cachedTokens - before.cachedTokens;
  return [result, after.promptTokens - before.promptTokens - cached];
}

/** The texts of four requests of their own with the seeds that four choices have. */
async function apart(ask: (body: unknown) => Promise<Answer>, body: object): Promise<Choice[]> {
  const choices: Choice[] = [];
  for (let seed = SEED; seed < SEED + 4; seed++) {
    choices.push((await ask({ ...body, seed })).choices[0]!);
  }
  return choices;
}

interface Choice {
  readonly text: string;
  readonly logprobs: { readonly token_logprobs: readonly number[] } | null;
}

interface Answer {
  readonly choices: readonly Choice[];
  readonly usage: Usage;
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

Deno.test("n choices are those of n requests with their seeds, and compute their prompt once", async () => {
  await using server = await serve();
  const { engine, ask } = server;
  const { length } = await engine.tokenize([{ text: PROMPT, special: true }], true);
  const [answer, tokens] = await computed<Answer>(engine, () => ask({ ...COMPLETION, n: 4 }));
  // The first computes all of it, and each other one the last token, to be sampled from.
  assertEquals(tokens, length + 3);
  assertEquals(answer.usage.prompt_tokens, length);
  assertEquals(answer.usage.prompt_tokens_details.cached_tokens, 0);
  assertEquals(answer.usage.total_tokens, length + answer.usage.completion_tokens);
  const texts = answer.choices.map(({ text }) => text);
  assertEquals(texts, (await apart(ask, COMPLETION)).map(({ text }) => text));
  assertEquals(new Set(texts).size, 4);
});

Deno.test("the best of four is the likeliest of those that four requests give", async () => {
  await using server = await serve();
  const { engine, ask } = server;
  const { length } = await engine.tokenize([{ text: PROMPT, special: true }], true);
  const body = { ...COMPLETION, logprobs: 0 };
  const [answer, tokens] = await computed<Answer>(
    engine,
    () => ask({ ...body, best_of: 4, n: 2 }),
  );
  assertEquals(tokens, length + 3);
  assertEquals(answer.usage.prompt_tokens, length);
  const mean = ({ logprobs }: Choice) => {
    const values = logprobs!.token_logprobs;
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const all = await apart(ask, body);
  const best = all.toSorted((a, b) => mean(b) - mean(a));
  assertEquals(answer.choices.map(({ text }) => text), best.slice(0, 2).map(({ text }) => text));
  // All four were made, and count.
  assert(answer.usage.completion_tokens > 90, `${answer.usage.completion_tokens}`);
});

Deno.test("streamed choices of a chat report the prompt tokens once, in any order of completion", async () => {
  await using server = await serve();
  const body = {
    messages: [
      { role: "system", content: "You know animals and towns, and tell of them. ".repeat(4) },
      { role: "user", content: "Tell me a story about a fox." },
    ],
    n: 4,
    temperature: 1.5,
    max_tokens: 40,
    seed: SEED,
    stream: true,
    stream_options: { include_usage: true },
  };
  const [events, tokens] = await computed(
    server.engine,
    async () => await readEvents(await server.post("/v1/chat/completions", body)),
  );
  assertEquals(events.at(-1)?.data, "[DONE]");
  const { usage } = JSON.parse(events.at(-2)!.data) as { usage: Usage };
  assertEquals(tokens, usage.prompt_tokens + 3);
  assertEquals(usage.prompt_tokens_details.cached_tokens, 0);
});

Deno.test("a client that leaves ends all of its choices", async () => {
  await using server = await serve();
  const { engine, post } = server;
  const endless = { ...COMPLETION, n: 4, max_tokens: 700, ignore_eos: true };
  const leaving = new AbortController();
  const whole = post("/v1/completions", endless, leaving.signal);
  for (let tries = 0; (await engine.status()).running < 4; tries++) assert(tries < 10_000);
  leaving.abort();
  await (await whole).body?.cancel();
  const streamed = await post("/v1/completions", { ...endless, stream: true });
  const reader = streamed.body!.getReader();
  await reader.read();
  await reader.cancel();
  const { running, queued, completionTokens } = await engine.status();
  assertEquals([running, queued], [0, 0]);
  assert(completionTokens < 2 * 4 * 700);
});
