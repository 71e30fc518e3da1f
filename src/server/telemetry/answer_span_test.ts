import { assert, assertEquals } from "@std/assert";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { AnswerEvent } from "../../chat/mod.ts";
import { AnswerHistograms } from "./answer_histograms.ts";
import { OpenAnswerSpan } from "./answer_span.ts";

/** The spans of an answer with these events. */
async function spansOf(events: readonly AnswerEvent[]) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const histograms = new AnswerHistograms(new MeterProvider().getMeter("test"));
  const span = new OpenAnswerSpan(provider.getTracer("test"), histograms, ROOT_CONTEXT, {
    model: "m",
  });
  for (const event of events) span.event(event);
  span.end();
  await provider.forceFlush();
  return exporter.getFinishedSpans();
}

const NO_TIME = { queueMs: 0, promptMs: 0, firstTokenMs: 0, predictedMs: 0 };

function done(finishReason: "tool_calls" | "cancelled", completionTokens: number): AnswerEvent {
  return {
    type: "done",
    finishReason,
    stopString: null,
    usage: { promptTokens: 5, completionTokens, cachedTokens: 0 },
    timings: { ...NO_TIME, promptPerSecond: 0, predictedPerSecond: 0 },
  };
}

Deno.test("each tool call that the model writes has a span, and no arguments", async () => {
  const spans = await spansOf([
    { type: "tool_call", index: 0, id: "c1", name: "weather" },
    { type: "tool_arguments", index: 0, text: '{"city":"Paris"}' },
    { type: "tool_call", index: 1, id: "c2", name: "time" },
    done("tool_calls", 9),
  ]);
  const calls = spans.filter(({ name }) => name.startsWith("tool_call "));
  assertEquals(calls.map(({ name }) => name), ["tool_call weather", "tool_call time"]);
  assertEquals(calls.map(({ attributes }) => attributes["gen_ai.tool.call.id"]), ["c1", "c2"]);
  const answer = spans.at(-1)!;
  assert(
    calls.every(({ parentSpanContext }) =>
      parentSpanContext?.spanId === answer.spanContext().spanId
    ),
  );
  assertEquals(JSON.stringify(calls.map(({ attributes }) => attributes)).includes("Paris"), false);
});

Deno.test("an answer that was cancelled in the queue has neither prefill nor decode", async () => {
  const spans = await spansOf([done("cancelled", 0)]);
  assertEquals(spans.map(({ name }) => name), ["queue", "text_completion m"]);
  assertEquals(spans[1]!.attributes["gen_ai.response.finish_reasons"], ["cancelled"]);
});
