import type { AnswerRequest, Format } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { isGiven, toRun, toSampling, toStopConditions } from "../../../schemas/mod.ts";
import { lorasOf } from "../lora_scales.ts";
import type { CompletionFields } from "./fields.ts";
import { biasesOf } from "./prompts.ts";

/** The limit of `n_predict` and its aliases; null: until the context is full. */
function limitOf(body: CompletionFields): number | null {
  const limit = body.n_predict ?? body.max_completion_tokens ?? body.max_tokens ?? -1;
  return limit < 0 ? null : limit;
}

/** Alternatives to report with each token; null: no probabilities. */
export function alternativesOf({ n_probs: probabilities, logprobs }: CompletionFields) {
  const count = probabilities ?? logprobs ?? 0;
  return count === 0 ? null : count;
}

function formatOf({ grammar, json_schema: schema }: CompletionFields): Format {
  if (grammar) return { type: "grammar", source: grammar };
  if (!isGiven(schema)) return { type: "text" };
  const isEmpty = typeof schema === "object" && Object.keys(schema).length === 0;
  return isEmpty ? { type: "json_object" } : { type: "json_schema", schema };
}

/**
 * Converts a completion for the engine, except the input.
 * @throws {ShimmyError} `invalid` when fields contradict each other.
 */
export async function toRequest(
  engine: Engine,
  body: CompletionFields,
): Promise<Omit<AnswerRequest, "input">> {
  const { logit_bias: bias, lora, ...rest } = body;
  if (body.grammar && isGiven(body.json_schema)) {
    throw new ShimmyError("invalid", "json_schema: cannot be combined with grammar", {
      field: "json_schema",
    });
  }
  const stop = [body.stop ?? []].flat().filter((one) => one !== "");
  const { sampling, streams } = { sampling: toSampling(rest), streams: body.stream === true };
  return {
    maxTokens: limitOf(body),
    sampling: isGiven(bias) ? { ...sampling, logitBias: await biasesOf(engine, bias) } : sampling,
    ...toStopConditions({ stop, ignore_eos: body.ignore_eos }),
    ...toRun(rest),
    ...(isGiven(lora) ? { loras: lorasOf(engine, lora) } : {}),
    format: formatOf(body),
    logprobs: alternativesOf(body),
    ...(body.post_sampling_probs ? { sampledLogprobs: true } : {}),
    ...(isGiven(body.cache_prompt) ? { cachePrompt: body.cache_prompt } : {}),
    ...(isGiven(body.id_slot) && body.id_slot >= 0 ? { slot: body.id_slot } : {}),
    ...(streams || body.return_tokens ? { reportsTokens: true } : {}),
    ...(streams && body.return_progress ? { reportsProgress: true } : {}),
    ...(streams && body.timings_per_token ? { reportsTimings: true } : {}),
  };
}
