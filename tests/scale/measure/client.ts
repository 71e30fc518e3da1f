/** Streamed completions of token prompts, as a client behind a proxy sees them. */
import { ServerSentEventParseStream } from "@std/http/server-sent-event-parse-stream";

/** An answer. Times are `performance.now()`. */
export interface Completion {
  readonly sentAt: number;
  readonly endedAt: number;
  /** The tokens and when they came. Tokens that come fast are sent together. */
  readonly pieces: readonly { readonly at: number; readonly tokens: readonly number[] }[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Milliseconds from the begin of the prompt's computation to its end, as the server measured it. */
  readonly promptMs: number;
  /** Name of the replica; null without a proxy. */
  readonly replica: string | null;
  /** `x-shimmy-prefix` of the answer, which the next request of the conversation sends back. */
  readonly prefix: string | null;
}

interface Chunk {
  readonly tokens: readonly number[];
  readonly stop: boolean;
  readonly tokens_evaluated: number;
  readonly timings: { readonly cache_n: number; readonly prompt_ms: number };
}

/** What a request has beside its prompt. */
export interface CompletionOptions {
  /** `x-shimmy-prefix` of the answer before in the same conversation. */
  readonly prefix?: string | null;
  /** Name of the session. */
  readonly session?: string;
}

/**
 * Asks for a number of tokens after a prompt of tokens.
 *
 * @throws {Error} if the server refuses, or the stream breaks off.
 */
export async function complete(
  url: string,
  prompt: readonly number[],
  tokens: number,
  { prefix = null, session }: CompletionOptions = {},
): Promise<Completion> {
  const sentAt = performance.now();
  const response = await fetch(`${url}/completion`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(prefix === null ? {} : { "x-shimmy-prefix": prefix }),
    },
    body: JSON.stringify({
      prompt,
      n_predict: tokens,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      ...(session === undefined ? {} : { session }),
    }),
  });
  if (!response.ok || response.body === null) {
    throw new Error(`${response.status} from ${url}: ${(await response.text()).slice(0, 500)}`);
  }
  const pieces: { at: number; tokens: readonly number[] }[] = [];
  let last: Chunk | undefined;
  const events = response.body.pipeThrough(
    new ServerSentEventParseStream({ ignoreComments: true }),
  );
  for await (const { data } of events) {
    if (data === undefined) continue;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.tokens?.length > 0) pieces.push({ at: performance.now(), tokens: chunk.tokens });
    if (chunk.stop) last = chunk;
  }
  if (last === undefined) throw new Error(`The answer of ${url} broke off`);
  return {
    ...{ sentAt, pieces, endedAt: pieces.at(-1)?.at ?? performance.now() },
    promptTokens: last.tokens_evaluated,
    cachedTokens: last.timings.cache_n,
    promptMs: last.timings.prompt_ms,
    replica: response.headers.get("x-shimmy-replica"),
    prefix: response.headers.get("x-shimmy-prefix"),
  };
}

/** Milliseconds from the request to the first token. */
export function firstTokenMs({ sentAt, pieces }: Completion): number {
  return pieces[0]!.at - sentAt;
}

/** Words whose tokens prompts consist of. */
const TEXT =
  `The fox of the river ran over a stone bridge while children played under old trees and counted clouds.
In winter the market sells bread, apples, lamps, paper, salt and warm coats to people from seven towns. Each road
leads north past fields, mills and a small station where trains stop twice a day before noon and after four.`;

/** Token ids of words, for prompts. */
export async function vocabularyOf(url: string): Promise<readonly number[]> {
  const response = await fetch(`${url}/tokenize`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ content: TEXT }),
  });
  const { tokens } = await response.json() as { tokens: readonly number[] };
  return [...new Set(tokens)];
}

/** The token at a place of a part of a trace: without a pattern, always the same. */
export function tokenOf(vocabulary: readonly number[], part: number, at: number): number {
  let value = Math.imul(part + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(at + 1, 0xc2b2ae35);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return vocabulary[((value ^ (value >>> 13)) >>> 0) % vocabulary.length]!;
}
