import * as z from "zod";
import type { AnswerRequest, Input } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { toRun, toSampling, toStopConditions } from "../../../schemas/mod.ts";
import {
  aboutUser,
  boolean,
  choiceCount,
  CHOICES_LIMIT,
  generationFields,
  llamaServerFields,
  rejected,
  streamOptions,
  text,
  toLlamaServerOptions,
  topLogprobs,
} from "../shared/fields.ts";
import { formatFields, toFormat } from "../shared/format.ts";

const PROMPT_ERROR = "must be text, token ids, or a list of at most 128 of either";
const tokens = z.array(z.int({ error: "token ids must be whole numbers" }).min(0)).min(1);

const NO_REASONING = "text completions have no reasoning; use /v1/chat/completions";

const COUNT_ERROR = "must be a whole number, 0 or more";

/** The body of `POST /v1/completions`. */
export const completionBody = z.strictObject({
  ...generationFields,
  model: text.nullish().describe("Default: the default model"),
  prompt: z.union([
    z.string(),
    tokens,
    z.array(z.string()).min(1).max(CHOICES_LIMIT),
    z.array(tokens).min(1).max(CHOICES_LIMIT),
  ], { error: PROMPT_ERROR }),
  suffix: text.nullish()
    .describe("Text after the completion; requires fill-in-the-middle tokens in the vocabulary"),
  max_tokens: z.int({ error: COUNT_ERROR }).min(0, { error: COUNT_ERROR }).nullish()
    .describe("Maximum tokens to generate. Default 16, as in OpenAI's API"),
  n: choiceCount,
  best_of: choiceCount.describe("Choices to generate; the n most likely are returned"),
  echo: boolean.nullish().describe("Prefix each choice with its prompt"),
  logprobs: topLogprobs.describe(
    "Alternatives to report beside each token, of an echoed prompt too",
  ),
  prompt_logprobs: topLogprobs.describe("Alternatives to report beside each token of the prompt"),
  ...formatFields,
  ...llamaServerFields,
  messages: rejected("is not a field of completions; use /v1/chat/completions"),
  reasoning_budget: rejected(NO_REASONING),
  reasoning_sampling: rejected(NO_REASONING),
  stream: boolean.nullish(),
  stream_options: streamOptions,
  user: aboutUser,
});

export type CompletionBody = z.output<typeof completionBody>;

/** OpenAI's default for `max_tokens`. */
const DEFAULT_MAX_TOKENS = 16;

function invalid(field: string, message: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${message}`, { field });
}

/** Rejects fields that contradict each other. */
export function checkTogether(body: CompletionBody): void {
  if (body.stream_options && !body.stream) {
    throw invalid("stream_options", "can only be set when stream is true");
  }
  const echoes = body.echo ?? false;
  if (echoes && typeof body.suffix === "string") {
    throw invalid("echo", "cannot be combined with suffix");
  }
  if (typeof body.prompt_logprobs === "number" && body.stream) {
    throw invalid("prompt_logprobs", "cannot be set when stream is true");
  }
  const made = body.best_of ?? body.n ?? 1;
  if (made < (body.n ?? 1)) throw invalid("best_of", "must not be less than n");
  if (body.stream && made > (body.n ?? 1)) {
    throw invalid("best_of", "cannot be more than n when stream is true");
  }
  if (prompts(body).length * made > CHOICES_LIMIT) {
    throw invalid("n", `must be at most ${CHOICES_LIMIT} choices for all prompts`);
  }
}

/** The prompts of a request as text or token ids. */
export function prompts({ prompt }: CompletionBody): (string | readonly number[])[] {
  if (typeof prompt === "string") return [prompt];
  return typeof prompt[0] === "number" ? [prompt as number[]] : prompt as (string | number[])[];
}

/**
 * The input of a completion. With a suffix it is a fill-in-the-middle prompt: prefix token, text before,
 * suffix token, text after, middle token.
 * @throws {ShimmyError} `invalid` for a suffix when the vocabulary has no fill-in-the-middle tokens.
 */
export async function toInput(
  engine: Engine,
  prompt: string | readonly number[],
  suffix: string | null | undefined,
): Promise<Input> {
  if (typeof suffix !== "string") {
    return typeof prompt === "string"
      ? { type: "text", text: prompt }
      : { type: "tokens", tokens: prompt };
  }
  const { fim } = engine.info;
  if (fim === null) {
    throw invalid("suffix", "this model's vocabulary has no fill-in-the-middle tokens");
  }
  const before = typeof prompt === "string" ? { text: prompt, special: false } : { tokens: prompt };
  const tokens = await engine.tokenize([
    { tokens: [fim.prefix] },
    before,
    { tokens: [fim.suffix] },
    { text: suffix, special: false },
    { tokens: [fim.middle] },
  ], true);
  return { type: "tokens", tokens };
}

/** How many alternatives to report beside each token of the prompt; null: no log probabilities of it. */
export function promptLogprobsOf(body: CompletionBody): number | null {
  const echoed = body.echo ? body.logprobs ?? null : null;
  const asked = body.prompt_logprobs ?? null;
  return echoed === null ? asked : Math.max(echoed, asked ?? 0);
}

/** Converts a request for the engine, except the input. */
export function toCompletionRequest(body: CompletionBody): Omit<AnswerRequest, "input"> {
  const ranks = (body.best_of ?? 1) > (body.n ?? 1);
  return {
    maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
    sampling: toSampling(body),
    ...toStopConditions(body),
    ...toRun(body),
    format: toFormat(body),
    ...toLlamaServerOptions(body),
    logprobs: body.logprobs ?? (ranks ? 0 : null),
  };
}
