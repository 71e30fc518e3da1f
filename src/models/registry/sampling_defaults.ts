import type { Engine } from "../../engine/mod.ts";
import type { ModelInfo, ReasoningPhase, SequenceRequest } from "../../engine/protocol/mod.ts";
import type { ModelSettings } from "../entry/mod.ts";

type RequestDefaults = Pick<
  ModelSettings,
  "sampling" | "reasoningSampling" | "maxTokens" | "system" | "messages" | "stop" | "chatTemplate"
>;

/**
 * Wraps an engine with the defaults of its model for requests. Precedence of sampling during reasoning:
 * the request, then the reasoning defaults.
 */
export function withRequestDefaults(engine: Engine, defaults: RequestDefaults = {}): Engine {
  const { sampling, reasoningSampling, maxTokens, system, messages, stop = [], chatTemplate } =
    defaults;
  const isEmptyDefault = isEmpty(sampling) && isEmpty(reasoningSampling) &&
    [maxTokens, system, messages, chatTemplate].every((value) => value === undefined) &&
    stop.length === 0;
  if (isEmptyDefault) return engine;
  return {
    ...(system === undefined ? {} : { defaultSystem: system }),
    ...(messages === undefined ? {} : { defaultMessages: messages }),
    ...(sampling === undefined ? {} : { defaultSampling: sampling }),
    ...(maxTokens === undefined ? {} : { defaultMaxTokens: maxTokens }),
    info: chatTemplate === undefined ? engine.info : withTemplate(engine.info, chatTemplate),
    closed: engine.closed,
    generate: (request, sink) =>
      engine.generate({
        ...request,
        stop: [...new Set([...request.stop, ...stop])],
        maxTokens: request.maxTokens ?? maxTokens ?? null,
        sampling: { ...sampling, ...request.sampling },
        ...reasoningOf(request, defaults),
      }, sink),
    tokenize: (prompt, addSpecial) => engine.tokenize(prompt, addSpecial),
    countTokens: (prompt, addSpecial) => engine.countTokens(prompt, addSpecial),
    detokenize: (tokens) => engine.detokenize(tokens),
    pieces: (tokens) => engine.pieces(tokens),
    embed: (request, signal) => engine.embed(request, signal),
    get isResponding() {
      return engine.isResponding ?? true;
    },
    get adapters() {
      return engine.adapters;
    },
    changeAdapters: (change) => engine.changeAdapters(change),
    changeSlot: (change) => engine.changeSlot(change),
    deleteSession: (session) => engine.deleteSession(session),
    status: () => engine.status(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** By the info of the engine: threads that prepare prompts receive each info once. */
const templated = new WeakMap<ModelInfo, ModelInfo>();

function withTemplate(info: ModelInfo, chatTemplate: string): ModelInfo {
  const known = templated.get(info);
  if (known?.chatTemplate === chatTemplate) return known;
  const made = { ...info, chatTemplate, toolTemplate: null };
  templated.set(info, made);
  return made;
}

/** Reasoning options of the request, completed with the defaults. */
function reasoningOf(
  { reasoning, sampling }: SequenceRequest,
  { reasoningSampling }: RequestDefaults,
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
