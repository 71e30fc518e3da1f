import * as z from "zod";
import type { ModelInfo, Sampling } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import {
  fixed,
  ignored,
  integerFrom,
  samplingFields,
  stopFields,
  toSampling,
  toStopConditions,
} from "../../../schemas/mod.ts";

const WHEN_LOADED = "fixed when the model is loaded, and set when the server starts";
const flag = z.boolean({ error: "must be true or false" });

/**
 * `options` of a request: all options of Ollama and its clients. Sampling options apply. Options that are
 * fixed when the model is loaded and cannot change the answer are ignored.
 */
export const optionsSchema = z.strictObject({
  num_predict: integerFrom(-2).nullish().describe(
    "Maximum tokens to generate; 0 or less: until the context is full",
  ),
  temperature: samplingFields.temperature,
  top_k: samplingFields.top_k,
  top_p: samplingFields.top_p,
  min_p: samplingFields.min_p,
  typical_p: samplingFields.typical_p,
  repeat_penalty: samplingFields.repeat_penalty,
  repeat_last_n: samplingFields.repeat_last_n,
  presence_penalty: samplingFields.presence_penalty,
  frequency_penalty: samplingFields.frequency_penalty,
  mirostat: samplingFields.mirostat,
  mirostat_tau: samplingFields.mirostat_tau,
  mirostat_eta: samplingFields.mirostat_eta,
  seed: samplingFields.seed,
  stop: stopFields.stop,
  num_keep: ignored(integerFrom(-1), "the context is not shifted"),
  num_ctx: integerFrom(1).nullish().describe(
    "Maximum tokens of prompt and answer together; at most the context length of the loaded model",
  ),
  num_batch: ignored(integerFrom(1), WHEN_LOADED),
  num_thread: ignored(integerFrom(0), WHEN_LOADED),
  num_gpu: ignored(integerFrom(-1), WHEN_LOADED),
  main_gpu: ignored(integerFrom(0), WHEN_LOADED),
  use_mmap: ignored(flag, WHEN_LOADED),
  use_mlock: ignored(flag, WHEN_LOADED),
  low_vram: ignored(flag, WHEN_LOADED),
  numa: ignored(flag, WHEN_LOADED),
  f16_kv: ignored(flag, WHEN_LOADED),
  vocab_only: fixed(false, "requests need the whole model"),
  logits_all: fixed(false, "ask for logprobs"),
  embedding_only: fixed(false, "requests need the whole model"),
  draft_num_predict: ignored(integerFrom(0), WHEN_LOADED),
  penalize_newline: fixed(true, "newlines are penalized like other tokens"),
  tfs_z: fixed(1, "llama.cpp has removed this sampler"),
}, { error: "must be an object" });

/**
 * Options that clients also send beside `options`, in the names of OpenAI's API. `options` takes
 * precedence.
 */
export const topLevelOptions = {
  ...samplingFields,
  stop: stopFields.stop,
  max_tokens: integerFrom(-2).nullish().describe("As options.num_predict"),
  max_output_tokens: integerFrom(-2).nullish().describe("As options.num_predict"),
};

const topLevelSchema = z.object(topLevelOptions);

export type Options = z.output<typeof optionsSchema>;

/** The options of one answer. */
export interface AnswerOptions {
  readonly sampling: Partial<Sampling>;
  readonly stop: readonly string[];
  /** `null`: until the context is full. */
  readonly maxTokens: number | null;
  /** Maximum tokens of prompt and answer together. */
  readonly contextLength?: number;
}

/** Converts the options that apply to one answer; `body` has those beside `options`. */
export function toAnswerOptions(
  options: Options,
  body: z.output<typeof topLevelSchema> = {},
): AnswerOptions {
  const limit = options.num_predict ?? body.max_output_tokens ?? body.max_tokens;
  return {
    sampling: { ...toSampling(body), ...toSampling(options) },
    stop: toStopConditions({ stop: options.stop ?? body.stop }).stop,
    maxTokens: limit && limit > 0 ? limit : null,
    ...(options.num_ctx ? { contextLength: options.num_ctx } : {}),
  };
}

/**
 * Compares the context length of a request with that of the loaded model.
 * @throws {ShimmyError} `invalid` when the context is smaller than the request needs.
 */
export function checkLoaded({ num_ctx: context }: Options, info: ModelInfo): void {
  const most = Math.max(info.contextLength, info.trainedContext);
  // The context length of training is the maximum; Ollama limits the option in the same way.
  if (!context || Math.min(context, most) <= info.contextLength) return;
  const field = "options.num_ctx";
  throw new ShimmyError(
    "invalid",
    `${field}: must be at most ${info.contextLength}, as the model is loaded; ` +
      "start the server with another --ctx",
    { field },
  );
}
