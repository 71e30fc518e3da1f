import type { AnswerEvent } from "../../../../chat/mod.ts";
import type { Usage } from "../../../../engine/protocol/mod.ts";
import { type ServerSentEvent, statusOf, toShimmyError } from "../../../http/mod.ts";
import { toOpenAIError } from "../shared/dialect.ts";
import {
  toChatLogprobs,
  toFinishReason,
  toNotices,
  toUsage,
  toUsageSoFar,
} from "../shared/envelope.ts";
import type { Indexed } from "../shared/merge_streams.ts";

export interface ChunkOptions {
  /** Common fields of all chunks, such as id and model. */
  readonly head: Readonly<Record<string, unknown>>;
  /** Send the usage in a last chunk without choices. */
  readonly includeUsage: boolean;
  readonly withLogprobs: boolean;
  /** Tokens of the prompt, and of a choice so far, for chunks that report them. */
  readonly progress?: {
    readonly promptTokens: number;
    readonly completionTokens: (choice: number) => number;
  };
}

type Delta = Readonly<Record<string, unknown>>;

/** The delta of an event, or null. */
function toDelta(event: AnswerEvent): Delta | null {
  switch (event.type) {
    case "prompt":
      return null;
    case "text":
      return event.text === "" && event.logprobs.length === 0 ? null : { content: event.text };
    case "reasoning":
      return event.text === "" ? null : { reasoning_content: event.text };
    case "tool_call": {
      const { index, id, name } = event;
      return { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] };
    }
    case "tool_arguments": {
      const { index, text } = event;
      return text === "" ? null : { tool_calls: [{ index, function: { arguments: text } }] };
    }
    case "done":
      return {};
  }
}

function logprobsOf(event: AnswerEvent) {
  if (event.type === "text") return toChatLogprobs(event.logprobs);
  return event.type === "reasoning" ? toChatLogprobs([], event.logprobs) : null;
}

/** An error as the last event of a stream, without `[DONE]`. */
export function errorEvent(thrown: unknown): ServerSentEvent {
  const error = toShimmyError(thrown);
  return { data: JSON.stringify({ error: toOpenAIError(error, statusOf(error)) }) };
}

/** The stream of a chat completion: chunks in order of the events, the usage, `[DONE]`. */
export async function* chatChunks(
  events: AsyncIterable<Indexed<AnswerEvent>>,
  { head, includeUsage, withLogprobs, progress }: ChunkOptions,
): AsyncGenerator<ServerSentEvent, void> {
  const chunk = (choices: readonly unknown[], usage: unknown, more = {}): ServerSentEvent => ({
    data: JSON.stringify({
      ...head,
      object: "chat.completion.chunk",
      choices,
      ...(includeUsage ? { usage } : {}),
      ...more,
    }),
  });
  const usageSoFar = (completionTokens: number) =>
    progress === undefined ? null : toUsageSoFar(progress.promptTokens, completionTokens);
  const begun = new Set<number>();
  const usages: Usage[] = [];
  try {
    for await (const { index, value: event } of events) {
      if (!begun.has(index)) {
        begun.add(index);
        const delta = { role: "assistant", content: "" };
        const usage = usageSoFar(0);
        yield chunk([{ index, delta, logprobs: null, finish_reason: null }], usage);
      }
      const delta = toDelta(event);
      if (delta === null) continue;
      const logprobs = withLogprobs ? logprobsOf(event) : null;
      const reason = event.type === "done" ? toFinishReason(event.finishReason) : null;
      // Indexed, because the prefill of the first choice is the one that counts.
      if (event.type === "done") usages[index] = event.usage;
      const notices = event.type === "done" ? toNotices([event]) : {};
      const usage = usageSoFar(progress?.completionTokens(index) ?? 0);
      yield chunk([{ index, delta, logprobs, finish_reason: reason }], usage, notices);
    }
    if (includeUsage) yield chunk([], toUsage(usages));
    yield { data: "[DONE]" };
  } catch (error) {
    yield errorEvent(error);
  }
}
