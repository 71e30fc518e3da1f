import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { AnswerHistograms } from "./answer_histograms.ts";
import { OpenAnswerSpan } from "./answer_span.ts";
import type { AnswerSpan, AnswerStart, RequestSpan, RequestStart } from "./telemetry.ts";

const propagator = new W3CTraceContextPropagator();

/** The span of an HTTP request, as the HTTP semantic conventions describe it. */
export class OpenRequestSpan implements RequestSpan {
  readonly #tracer: Tracer;
  readonly #histograms: AnswerHistograms;
  readonly #span: Span;
  readonly #context: Context;

  constructor(tracer: Tracer, histograms: AnswerHistograms, request: RequestStart) {
    const { method, route, requestId, headers } = request;
    this.#tracer = tracer;
    this.#histograms = histograms;
    const parent = propagator.extract(ROOT_CONTEXT, headers, {
      get: (from: RequestStart["headers"], name) => from.get(name) ?? undefined,
      keys: () => ["traceparent", "tracestate"],
    });
    this.#span = tracer.startSpan(`${method} ${route}`, {
      kind: SpanKind.SERVER,
      attributes: {
        "http.request.method": method,
        "http.route": route,
        "shimmy.request.id": requestId,
      },
    }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  startAnswer(answer: AnswerStart): AnswerSpan {
    return new OpenAnswerSpan(this.#tracer, this.#histograms, this.#context, answer);
  }

  end(status: number): void {
    this.#span.setAttribute("http.response.status_code", status);
    if (status >= 500) {
      this.#span.setAttribute("error.type", String(status));
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}
