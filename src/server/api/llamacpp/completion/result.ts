import type { Engine } from "../../../../engine/mod.ts";
import { toTimings } from "../../../answers/mod.ts";
import type { CompletionFields } from "./fields.ts";
import type { CompletionState } from "./job.ts";
import { toProbabilities } from "./probabilities.ts";
import { generationSettings } from "./settings.ts";

/** What all results of a request share. */
export interface ResultContext {
  readonly engine: Engine;
  readonly model: string;
  readonly body: CompletionFields;
}

/** The response for one completion, or the last chunk of its stream, whose text was sent before. */
export function toResult(
  { engine, model, body }: ResultContext,
  state: CompletionState,
  index: number,
): Record<string, unknown> {
  const { done, job } = state;
  const { usage, timings } = done;
  const streams = body.stream === true;
  const result = {
    index,
    content: streams ? "" : state.text,
    tokens: streams || !body.return_tokens ? [] : state.tokens,
    id_slot: done.slot ?? -1,
    stop: true,
    model,
    tokens_predicted: usage.completionTokens,
    tokens_evaluated: usage.promptTokens,
    generation_settings: generationSettings(engine, job.request, {
      stream: streams,
      timingsPerToken: body.timings_per_token ?? false,
    }),
    prompt: state.prompt,
    has_new_line: state.hasNewLine,
    truncated: state.isTruncated(engine.info.contextLength),
    stop_type: state.stopType,
    stopping_word: done.stopString ?? "",
    tokens_cached: usage.promptTokens + Math.max(0, usage.completionTokens - 1),
    timings: toTimings(usage, timings),
    ...(streams || state.logprobs.length === 0 ? {} : {
      completion_probabilities: toProbabilities(
        state.logprobs,
        body.post_sampling_probs ?? false,
      ),
    }),
    ...noticesOf(done.notices),
  };
  return selected(result, body.response_fields ?? []);
}

function noticesOf(notices: readonly { readonly message: string }[] = []) {
  return notices.length === 0 ? {} : { notices: notices.map(({ message }) => message) };
}

/** Only the fields at these paths, under their paths as names; all without a path. */
export function selected(
  result: Record<string, unknown>,
  paths: readonly string[],
): Record<string, unknown> {
  if (paths.length === 0) return result;
  const found = paths.flatMap((path) => {
    const value = valueAt(result, path.split("/"));
    return value === undefined ? [] : [[path, value] as const];
  });
  return Object.fromEntries(found);
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
  let inner = value;
  for (const key of keys) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return undefined;
    inner = (inner as Record<string, unknown>)[key];
  }
  return inner;
}
