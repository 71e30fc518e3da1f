import type { AnswerFinish, AnswerLogprob } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import type { Notice, TokenLogprob, Usage } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";

/** An id in OpenAI's form: a prefix for the type, and 24 random characters. */
export function newId(prefix: string): string {
  return prefix + crypto.randomUUID().replaceAll("-", "").slice(0, 24);
}

/** Seconds since the epoch. */
export function unixSeconds(milliseconds = Date.now()): number {
  return Math.floor(milliseconds / 1000);
}

/**
 * Fingerprints by what they are made of, for each loaded model. A digest takes a task of another thread, and
 * the values of an engine change rarely. The key is the promise that all forms of an engine share: a request
 * for a `model:adapter` has a form of its own.
 */
const fingerprints = new WeakMap<Engine["closed"], Map<string, Promise<string>>>();

/** Fingerprints of a model that are kept. Each change of the adapters makes others. */
const MOST_FINGERPRINTS = 16;

/**
 * `system_fingerprint`: changes with the files of the model, its default adapters and the version of
 * Shimmy. With the same fingerprint, a seed gives the same text.
 */
export function fingerprint(
  { name, size, modified }: ModelEntry,
  { adapters, closed }: Pick<Engine, "adapters" | "closed">,
  version: string,
): Promise<string> {
  const counting = adapters.filter(({ scale }) => scale !== 0)
    .map(({ digest, scale, layers }) => [digest, scale, layers]);
  const identity = JSON.stringify([version, name, size, modified, counting]);
  const known = fingerprints.get(closed) ?? new Map<string, Promise<string>>();
  fingerprints.set(closed, known);
  const made = known.get(identity);
  if (made !== undefined) return made;
  if (known.size >= MOST_FINGERPRINTS) known.clear();
  const text = shortDigest(identity);
  known.set(identity, text);
  return text;
}

async function shortDigest(identity: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity));
  const hex = Array.from(
    new Uint8Array(digest, 0, 5),
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  return `fp_${hex.join("")}`;
}

/** `usage` of chat completions and completions; prompt tokens count once per prompt. */
export function toUsage(usages: readonly Usage[], prompts: readonly Usage[] = usages.slice(0, 1)) {
  const sum = (
    of: readonly Usage[],
    key: "promptTokens" | "completionTokens" | "cachedTokens" | "audioTokens",
  ) => of.reduce((all, one) => all + (one[key] ?? 0), 0);
  const promptTokens = sum(prompts, "promptTokens");
  const audioTokens = sum(prompts, "audioTokens");
  const completionTokens = sum(usages, "completionTokens");
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: sum(prompts, "cachedTokens"),
      ...(audioTokens === 0 ? {} : { audio_tokens: audioTokens }),
    },
  };
}

/** `usage` of a chunk amid a stream, for `continuous_usage_stats`: the tokens of one choice so far. */
export function toUsageSoFar(promptTokens: number, completionTokens: number) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/**
 * `finish_reason`.
 * @throws {ShimmyError} `cancelled`, when the server ended the answer: no reason of OpenAI's says that,
 * and half an answer must not pass for a whole one.
 */
export function toFinishReason(reason: AnswerFinish): "stop" | "length" | "tool_calls" {
  if (reason === "cancelled") throw new ShimmyError("cancelled", "The answer was cancelled");
  return reason;
}

/** `notices` of answers, an extension of OpenAI's API; absent when empty. */
export function toNotices(
  answers: readonly { readonly notices?: readonly Notice[] }[],
): { readonly notices?: readonly string[] } {
  const messages = answers.flatMap(({ notices = [] }) => notices.map(({ message }) => message));
  return messages.length === 0 ? {} : { notices: [...new Set(messages)] };
}

const decoder = new TextDecoder();

/** A token as text; incomplete characters become U+FFFD, as in OpenAI's API. */
export function tokenText({ bytes }: TokenLogprob): string {
  return decoder.decode(new Uint8Array(bytes));
}

/** The lowest log probability in responses, OpenAI's number: JSON has no negative infinity. */
const LOWEST = -9999;

export function finiteLogprob(logprob: number): number {
  return Math.max(logprob, LOWEST);
}

function toToken(token: TokenLogprob) {
  return {
    token: tokenText(token),
    logprob: finiteLogprob(token.logprob),
    bytes: [...token.bytes],
  };
}

/** Log probabilities as chat completions and responses report them. */
export function toLogprobs(logprobs: readonly AnswerLogprob[]) {
  return logprobs.map((chosen) => ({
    ...toToken(chosen),
    top_logprobs: chosen.top.map(toToken),
  }));
}

/** `logprobs` of a choice of chat completions, separate for content and reasoning. */
export function toChatLogprobs(
  content: readonly AnswerLogprob[],
  reasoning: readonly AnswerLogprob[] = [],
) {
  return {
    content: toLogprobs(content),
    refusal: null,
    ...(reasoning.length === 0 ? {} : { reasoning_content: toLogprobs(reasoning) }),
  };
}
