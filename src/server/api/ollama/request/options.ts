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

const WHEN_LOADED = "it is fixed when the model is loaded; set it where the server is started";

/**
 * `options` of a request: every one that Ollama or its clients know. Sampling is honoured. What is
 * fixed once a model is loaded is accepted where it asks for what is there, and refused elsewhere.
 */
export const optionsSchema = z.strictObject({
  num_predict: integerFrom(-2).nullish().describe("0 and less: until the context is full"),
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
  num_keep: integerFrom(-1).nullish().describe("Accepted; nothing is ever shifted out"),
  num_ctx: integerFrom(1).nullish().describe("At most the context the model is loaded with"),
  num_batch: integerFrom(1).nullish().describe("The batch the model is loaded with"),
  num_thread: integerFrom(0).nullish().describe("0, or the threads the model is loaded with"),
  num_gpu: integerFrom(-1).nullish().describe("-1, or the layers that are offloaded"),
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
  penalize_newline: fixed(true, "a newline is penalized as any other token"),
  tfs_z: fixed(1, "this sampler is no longer part of llama.cpp"),
}, { error: "must be an object" });

export type Options = z.output<typeof optionsSchema>;

/** What options mean for one answer. */
export interface AnswerOptions {
  readonly sampling: Partial<Sampling>;
  readonly stop: readonly string[];
  /** `null`: until the context is full. */
  readonly maxTokens: number | null;
}

/** The part of `options` that shapes the answer. */
export function toAnswerOptions(options: Options): AnswerOptions {
  const { num_predict: limit } = options;
  return {
    sampling: toSampling(options),
    stop: toStopConditions(options).stop,
    maxTokens: limit && limit > 0 ? limit : null,
  };
}

/**
 * Compares the options that are fixed once a model is loaded with how it is loaded.
 * @throws {ShimmyError} `invalid` for the first that asks for something else.
 */
export function checkLoaded(options: Options, info: ModelInfo): void {
  const { num_ctx: context, num_batch: batch, num_thread: threads, num_gpu: layers } = options;
  const most = Math.max(info.contextLength, info.trainedContext);
  // A model that already has all the context it was trained on has no more to give; Ollama clamps too.
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
