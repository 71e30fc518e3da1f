import type { AnswerEvent } from "../../../../chat/mod.ts";
import type { PromptLogprob, Usage } from "../../../../engine/protocol/mod.ts";
import type { ServerSentEvent } from "../../../http/mod.ts";
import { errorEvent } from "../chat/chat_stream.ts";
import { toLegacyLogprobs } from "./completion_logprobs.ts";
import { toFinishReason, toNotices, toUsage, toUsageSoFar } from "../shared/envelope.ts";
import type { Indexed } from "../shared/merge_streams.ts";

export interface CompletionChunkOptions {
  /** Common fields of all chunks, such as id and model. */
  readonly head: Readonly<Record<string, unknown>>;
  /** Text before each choice, for `echo`. */
  readonly echoes: readonly string[];
  /** Number of choices per prompt; only the first of them counts the prompt tokens. */
  readonly perPrompt: number;
  readonly includeUsage: boolean;
  readonly withLogprobs: boolean;
  /** Tokens of a choice's prompt, and of the choice so far, for chunks that report them. */
  readonly progress?: {
    readonly promptTokens: (choice: number) => number;
    readonly completionTokens: (choice: number) => number;
  };
}

/** The stream of a completion: chunks in the order of the events, the usage, `[DONE]`. */
export async function* completionChunks(
  events: AsyncIterable<Indexed<AnswerEvent>>,
  { head, echoes, perPrompt, includeUsage, withLogprobs, progress }: CompletionChunkOptions,
): AsyncGenerator<ServerSentEvent, void> {
  const chunk = (choices: readonly unknown[], usage: unknown, more = {}): ServerSentEvent => ({
    data: JSON.stringify({ ...head, choices, ...(includeUsage ? { usage } : {}), ...more }),
  });
  const piece = (
    index: number,
    text: string,
    logprobs: unknown,
    reason: string | null,
    more = {},
  ) => {
    const usage = progress === undefined
      ? null
      : toUsageSoFar(progress.promptTokens(index), progress.completionTokens(index));
    return chunk([{ text, index, logprobs, finish_reason: reason }], usage, more);
  };
  const lengths = new Map<number, number>();
  /** Log probabilities of the prompts, until their text was sent. */
  const prompts = new Map<number, PromptLogprob[]>();
  const usages: Usage[] = [];
  const promptUsages: Usage[] = [];
  try {
    for await (const { index, value: event } of events) {
      if (event.type === "prompt") {
        prompts.set(index, [...prompts.get(index) ?? [], ...event.logprobs]);
        continue;
      }
      if (!lengths.has(index)) {
        const echo = echoes[index]!;
        lengths.set(index, [...echo].length);
        const scored = prompts.get(index);
        const logprobs = withLogprobs && scored !== undefined ? toLegacyLogprobs(scored, 0) : null;
        if (echo !== "") yield piece(index, echo, logprobs, null);
      }
      if (event.type === "text") {
        if (event.text === "" && event.logprobs.length === 0) continue;
        const offset = lengths.get(index)!;
        const logprobs = withLogprobs ? toLegacyLogprobs(event.logprobs, offset) : null;
        lengths.set(index, offset + [...event.text].length);
        yield piece(index, event.text, logprobs, null);
      } else if (event.type === "done") {
        usages.push(event.usage);
        if (index % perPrompt === 0) promptUsages.push(event.usage);
        const reason = toFinishReason(event.finishReason);
        yield piece(index, "", null, reason, toNotices([event]));
      }
    }
    if (includeUsage) yield chunk([], toUsage(usages, promptUsages));
    yield { data: "[DONE]" };
  } catch (error) {
    yield errorEvent(error);
  }
}
