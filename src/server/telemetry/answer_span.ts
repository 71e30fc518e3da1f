import {
  type Attributes,
  type Context,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { AnswerEvent, AnswerRequest } from "../../chat/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { AnswerHistograms } from "./answer_histograms.ts";
import type { AnswerSpan, AnswerStart } from "./telemetry.ts";

type Done = Extract<AnswerEvent, { type: "done" }>;
type Call = Extract<AnswerEvent, { type: "tool_call" }>;

/** Milliseconds since the epoch, with fractions, by a clock that does not jump. */
const now = () => performance.timeOrigin + performance.now();

/**
 * The span of an answer, as the GenAI semantic conventions describe an inference in the same process. The
 * spans below it are made at its end from the engine's own timings. It has no text of prompt or answer.
 */
export class OpenAnswerSpan implements AnswerSpan {
  readonly #tracer: Tracer;
  readonly #histograms: AnswerHistograms;
  readonly #span: Span;
  readonly #context: Context;
  readonly #common: Attributes;
  readonly #start = now();
  #done: { readonly event: Done; readonly at: number } | null = null;
  /** The span of the call that the model writes. */
  #call: Span | null = null;

  constructor(
    tracer: Tracer,
    histograms: AnswerHistograms,
    parent: Context,
    { model, request }: AnswerStart,
  ) {
    this.#tracer = tracer;
    this.#histograms = histograms;
    const operation = request?.input.type === "chat" ? "chat" : "text_completion";
    this.#common = {
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": "shimmy",
      "gen_ai.request.model": model,
      "gen_ai.response.model": model,
    };
    this.#span = tracer.startSpan(`${operation} ${model}`, {
      kind: SpanKind.INTERNAL,
      startTime: this.#start,
      attributes: { ...this.#common, ...(request === undefined ? {} : settingsOf(request)) },
    }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  event(event: AnswerEvent): void {
    switch (event.type) {
      case "tool_call":
        this.#endCall();
        this.#startCall(event);
        break;
      case "done":
        this.#done = { event, at: now() };
        this.#endCall();
        break;
      case "text":
      case "reasoning":
      case "rewind":
        this.#endCall();
    }
  }

  end(error?: unknown): void {
    const end = now();
    this.#endCall();
    if (this.#done !== null) this.#describe(this.#done.event, this.#done.at);
    if (error !== undefined) {
      const type = error instanceof ShimmyError ? error.kind : "_OTHER";
      this.#common["error.type"] = type;
      this.#span.setAttribute("error.type", type);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end(end);
    this.#histograms.record({ totalMs: end - this.#start, ...this.#tokenTimes() }, this.#common);
  }

  #startCall({ id, name }: Call): void {
    const attributes = {
      "gen_ai.tool.name": name,
      "gen_ai.tool.call.id": id,
      "gen_ai.tool.type": "function",
    };
    this.#call = this.#tracer.startSpan(
      `tool_call ${name}`,
      { startTime: now(), attributes },
      this.#context,
    );
  }

  #endCall(): void {
    this.#call?.end(now());
    this.#call = null;
  }

  /** Adds the counts, and the spans of the phases, whose durations the engine has measured. */
  #describe({ usage, timings, finishReason }: Done, at: number): void {
    this.#span.setAttributes({
      "gen_ai.response.finish_reasons": [finishReason],
      "gen_ai.usage.input_tokens": usage.promptTokens,
      "gen_ai.usage.output_tokens": usage.completionTokens,
      "gen_ai.usage.cache_read.input_tokens": usage.cachedTokens,
    });
    const { queueMs, promptMs, firstTokenMs, predictedMs } = timings;
    // Messages between processes take time, so that the engine's durations may not fit exactly.
    const first = Math.max(this.#start, at - predictedMs);
    const submitted = Math.max(this.#start, first - firstTokenMs);
    const admitted = Math.min(submitted + queueMs, first);
    this.#phase("queue", submitted, admitted);
    if (promptMs > 0) {
      this.#phase("prefill", Math.max(admitted, first - promptMs), first, {
        "shimmy.prompt.computed_tokens": usage.promptTokens - usage.cachedTokens,
      });
    }
    if (usage.completionTokens > 0) {
      this.#phase("decode", first, at, { "gen_ai.usage.output_tokens": usage.completionTokens });
    }
  }

  #phase(name: string, startTime: number, end: number, attributes: Attributes = {}): void {
    this.#tracer.startSpan(name, { startTime, attributes }, this.#context).end(end);
  }

  #tokenTimes() {
    if (this.#done === null || this.#done.event.usage.completionTokens === 0) {
      return { firstTokenMs: null, perTokenMs: null };
    }
    const { usage: { completionTokens }, timings } = this.#done.event;
    return {
      firstTokenMs: timings.firstTokenMs,
      perTokenMs: completionTokens > 1 ? timings.predictedMs / (completionTokens - 1) : null,
    };
  }
}

/** What the request sets. Defaults of the model are not repeated. */
function settingsOf({ maxTokens, sampling, format }: AnswerRequest): Attributes {
  const { temperature, topP, topK, frequencyPenalty, presencePenalty, seed } = sampling;
  const settings = {
    "gen_ai.request.max_tokens": maxTokens,
    "gen_ai.request.temperature": temperature,
    "gen_ai.request.top_p": topP,
    "gen_ai.request.top_k": topK,
    "gen_ai.request.frequency_penalty": frequencyPenalty,
    "gen_ai.request.presence_penalty": presencePenalty,
    "gen_ai.request.seed": seed,
    "gen_ai.output.type": format.type.startsWith("json") ? "json" : "text",
  };
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined && value !== null),
  ) as Attributes;
}
