import * as z from "zod";
import type { ModelInfo, Sampling } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import {
  fixed,
  integerFrom,
  samplingFields,
  stopFields,
  toSampling,
  toStopConditions,
} from "../../../schemas/mod.ts";

const WHEN_LOADED = "it is fixed when the model is loaded; set it when the server starts";

/**
 * `options` of a request: all options of Ollama and its clients. Sampling options apply. Options that are
 * fixed when the model is loaded are accepted if they match, and rejected otherwise.
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
  num_keep: integerFrom(-1).nullish().describe("Accepted; the context is not shifted"),
  num_ctx: integerFrom(1).nullish().describe("At most the context length of the loaded model"),
  num_batch: integerFrom(1).nullish().describe("Must be the batch size of the loaded model"),
  num_thread: integerFrom(0).nullish().describe("0, or the threads of the loaded model"),
  num_gpu: integerFrom(-1).nullish().describe("-1, or the offloaded layers of the loaded model"),
  main_gpu: fixed(0, WHEN_LOADED),
  use_mmap: fixed(true, WHEN_LOADED),
  use_mlock: fixed(false, WHEN_LOADED),
  low_vram: fixed(false, WHEN_LOADED),
  numa: fixed(false, WHEN_LOADED),
  f16_kv: fixed(true, WHEN_LOADED),
  vocab_only: fixed(false, WHEN_LOADED),
  logits_all: fixed(false, "ask for logprobs"),
  embedding_only: fixed(false, WHEN_LOADED),
  draft_num_predict: fixed(0, "there is no draft model"),
  penalize_newline: fixed(true, "newlines are penalized like other tokens"),
  tfs_z: fixed(1, "llama.cpp has removed this sampler"),
}, { error: "must be an object" });

export type Options = z.output<typeof optionsSchema>;

/** The options of one answer. */
export interface AnswerOptions {
  readonly sampling: Partial<Sampling>;
  readonly stop: readonly string[];
  /** `null`: until the context is full. */
  readonly maxTokens: number | null;
}

/** Converts the options that apply to one answer. */
export function toAnswerOptions(options: Options): AnswerOptions {
  const { num_predict: limit } = options;
  return {
    sampling: toSampling(options),
    stop: toStopConditions(options).stop,
    maxTokens: limit && limit > 0 ? limit : null,
  };
}

/**
 * Compares options that are fixed when the model is loaded with the loaded model.
 * @throws {ShimmyError} `invalid` for the first option that differs.
 */
export function checkLoaded(options: Options, info: ModelInfo): void {
  const { num_ctx: context, num_batch: batch, num_thread: threads, num_gpu: layers } = options;
  const most = Math.max(info.contextLength, info.trainedContext);
  // The context length of training is the maximum; Ollama limits the option in the same way.
  if (context && Math.min(context, most) > info.contextLength) {
    throw differs("num_ctx", `must be at most ${info.contextLength}`, "--ctx");
  }
  if (batch && batch !== info.batchSize) {
    throw differs("num_batch", `must be ${info.batchSize}`, "--batch");
  }
  if (threads && threads !== info.threads) {
    throw differs("num_thread", `must be 0 or ${info.threads}`, "--threads");
  }
  if (
    typeof layers === "number" && layers >= 0 &&
    Math.min(layers, info.layers) !== Math.min(info.offloadedLayers, info.layers)
  ) {
    throw differs("num_gpu", `must be -1 or ${info.offloadedLayers}`, "--gpu-layers");
  }
}

function differs(name: string, right: string, option: string): ShimmyError {
  const field = `options.${name}`;
  return new ShimmyError(
    "invalid",
    `${field}: ${right}, as the model is loaded; start the server with another ${option}`,
    { field },
  );
}
