import type { ServerEvent } from "../api/mod.ts";
import type { Alternative, DoneFrame, Frame } from "./frames.ts";

/** A chunk of `POST /v1/chat/completions` with `continuous_usage_stats`, as far as the page reads it. */
interface Chunk {
  readonly id?: string;
  readonly choices?: readonly Choice[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  } | null;
  readonly timings?: { readonly prompt_ms?: number; readonly predicted_per_second?: number };
  readonly rewind?: { readonly index: number };
  readonly fork?: { readonly choice: number; readonly index: number };
  readonly error?: { readonly message: string };
}

interface Choice {
  readonly index: number;
  readonly delta: {
    readonly content?: string | null;
    readonly reasoning_content?: string;
    readonly tool_calls?: readonly {
      readonly index: number;
      readonly id?: string;
      readonly function?: { readonly name?: string; readonly arguments?: string };
    }[];
  };
  readonly logprobs?: {
    readonly content?: readonly Logprob[];
    readonly reasoning_content?: readonly Logprob[];
  } | null;
  readonly finish_reason?: string | null;
}

interface Logprob {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
}

/** The state of a choice. */
interface State {
  /** Tokens before the next chunk. */
  tokens: number;
  reason: string | null;
}

/**
 * The chunks of a chat completion as frames of the native API. The index of a token is the number of tokens
 * before its chunk, so a rewind to it keeps all earlier chunks.
 *
 * @param root Id of the answer; other choices have the ids of forks.
 */
export async function* framesOfChat(
  events: AsyncIterable<ServerEvent>,
  root: string,
): AsyncGenerator<Frame> {
  const states = new Map<number, State>();
  const nameOf = (choice: number) => choice === 0 ? root : `${root}-${choice}`;
  let last: Chunk = {};
  for await (const { data } of events) {
    if (data === "[DONE]") break;
    const chunk: Chunk = JSON.parse(data);
    if (chunk.error !== undefined) {
      yield { error: chunk.error.message };
      return;
    }
    last = { ...last, ...chunk };
    for (const choice of chunk.choices ?? []) {
      const state = states.get(choice.index) ?? { tokens: 0, reason: null };
      states.set(choice.index, state);
      const answer = nameOf(choice.index);
      if (chunk.fork !== undefined) {
        yield { forked: chunk.fork.index, answers: [answer], answer: nameOf(chunk.fork.choice) };
      }
      if (chunk.rewind !== undefined) yield { rewind: chunk.rewind.index, answer };
      for (const frame of framesOfChoice(choice, state.tokens)) yield { ...frame, answer };
      state.tokens = chunk.usage?.completion_tokens ?? state.tokens;
      state.reason = choice.finish_reason ?? state.reason;
    }
  }
  for (const [choice, { reason, tokens }] of states) {
    if (reason !== null) yield { ...doneOf(last, reason, tokens), answer: nameOf(choice) };
  }
}

function* framesOfChoice({ delta, logprobs }: Choice, index: number): Generator<Frame> {
  const { content, reasoning_content: reasoning, tool_calls: calls = [] } = delta;
  if (reasoning) yield { reasoning, index, ...sampledOf(logprobs?.reasoning_content) };
  if (content) yield { token: content, index, ...sampledOf(logprobs?.content) };
  for (const { index: place, id, function: called } of calls) {
    yield {
      call: place,
      index,
      arguments: called?.arguments ?? "",
      ...(id === undefined ? {} : { callId: id }),
      ...(called?.name === undefined ? {} : { name: called.name }),
    };
  }
}

/** The probability and the alternatives of a chunk with one token. */
function sampledOf(logprobs: readonly Logprob[] = []) {
  const [first] = logprobs;
  if (first === undefined || logprobs.length > 1) return {};
  const alternatives: readonly Alternative[] = first.top_logprobs;
  return { logprob: first.logprob, alternatives };
}

function doneOf({ usage, timings }: Chunk, reason: string, tokens: number): DoneFrame {
  return {
    done: true,
    finish_reason: reason === "length" ? "length" : reason === "cancelled" ? "cancelled" : "stop",
    usage: {
      prompt_tokens: usage?.prompt_tokens ?? 0,
      completion_tokens: tokens,
      cached_tokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    },
    timings: {
      first_token_ms: timings?.prompt_ms ?? 0,
      predicted_per_second: timings?.predicted_per_second ?? 0,
    },
  };
}
