import type { AnswerRequest, Input, Message } from "../../chat/mod.ts";
import { type SAMPLING_OPTIONS, samplingOf, type Values } from "../options/mod.ts";
import type { OpenModel } from "./model_host.ts";

/** Messages as an input without tools. */
export function conversation(
  messages: readonly Message[],
  more: Partial<Pick<Extract<Input, { type: "chat" }>, "templateArguments" | "continueLast">> = {},
): Extract<Input, { type: "chat" }> {
  return {
    type: "chat",
    messages,
    tools: [],
    toolChoice: { type: "none" },
    parallelToolCalls: false,
    templateArguments: {},
    continueLast: false,
    ...more,
  };
}

/** A request for text with the sampling options. */
export function requestOf(
  values: Values<typeof SAMPLING_OPTIONS>,
  model: Pick<OpenModel, "maxTokens" | "shiftsContext">,
  input: Input,
): AnswerRequest {
  // Without a limit, an answer ends at the end of the context, and the context would never be shifted.
  const limit = model.shiftsContext ? model.maxTokens ?? Number.MAX_SAFE_INTEGER : null;
  return {
    input,
    maxTokens: values["max-tokens"] ?? limit,
    sampling: samplingOf(values),
    stop: values.stop,
    format: { type: "text" },
    ignoreEos: false,
    logprobs: null,
  };
}
