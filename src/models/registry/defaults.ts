import type { Engine } from "../../engine/mod.ts";
import type { ReasoningPhase, SequenceRequest } from "../../engine/protocol/mod.ts";
import type { ModelSettings } from "../entry/mod.ts";

type SamplingDefaults = Pick<ModelSettings, "sampling" | "reasoningSampling">;

/**
 * Wraps an engine with default sampling. Precedence of sampling during reasoning: the request, then
 * the reasoning defaults.
 */
export function withSamplingDefaults(engine: Engine, defaults: SamplingDefaults = {}): Engine {
  if (isEmpty(defaults.sampling) && isEmpty(defaults.reasoningSampling)) return engine;
  return {
    info: engine.info,
    closed: engine.closed,
    generate: (request) =>
      engine.generate({
        ...request,
        sampling: { ...defaults.sampling, ...request.sampling },
        ...reasoningOf(request, defaults),
      }),
    tokenize: (prompt, addSpecial) => engine.tokenize(prompt, addSpecial),
    detokenize: (tokens) => engine.detokenize(tokens),
    embed: (request, signal) => engine.embed(request, signal),
    get adapters() {
      return engine.adapters;
    },
    changeAdapters: (change) => engine.changeAdapters(change),
    status: () => engine.status(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** Reasoning options of the request, completed with the defaults. */
function reasoningOf(
  { reasoning, sampling }: SequenceRequest,
  { reasoningSampling }: SamplingDefaults,
): { reasoning?: ReasoningPhase } {
  if (reasoning === undefined || isEmpty(reasoningSampling)) return {};
  return {
    reasoning: {
      ...reasoning,
      sampling: { ...reasoningSampling, ...sampling, ...reasoning.sampling },
    },
  };
}

function isEmpty(values: object | undefined): boolean {
  return values === undefined || Object.keys(values).length === 0;
}
