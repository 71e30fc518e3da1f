import type { AnswerEvent, AnswerLogprob, AnswerRequest } from "../../chat/mod.ts";
import type { Usage } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { conversation as inputOf, type OpenModel } from "../answering/mod.ts";
import type { LastAnswer } from "./commands/mod.ts";
import { type Conversation, fitConversation } from "./conversation/mod.ts";
import { untilAborted } from "./until_aborted.ts";

type Done = Extract<AnswerEvent, { type: "done" }>;
type ChatInput = Extract<AnswerRequest["input"], { type: "chat" }>;

/** An answer, its end, and how its conversation was changed to fit the context. */
export interface CompleteAnswer extends LastAnswer {
  readonly isCancelled: boolean;
  /** The context is full, and there was nothing to leave out. */
  readonly isFull: boolean;
}

/** What an answer needs. */
export interface AnswerParts {
  readonly model: OpenModel;
  readonly conversation: Conversation;
  /** The request for the messages of the conversation. */
  readonly request: (input: ChatInput) => AnswerRequest;
  readonly templateArguments: ChatInput["templateArguments"];
  readonly signal: AbortSignal;
  readonly onEvent: (event: AnswerEvent) => Promise<void>;
  /** The oldest questions were left out. */
  readonly onDropped: () => void;
}

/**
 * Answers the last question of a conversation. A conversation that outgrows the context loses its oldest
 * questions with their answers, before the answer and amid it. A model that shifts its context only loses
 * them where the prompt itself is too long.
 *
 * @throws {ShimmyError} `context_length` if the last question alone is too long.
 */
export async function completeAnswer(parts: AnswerParts): Promise<CompleteAnswer> {
  const { model, conversation, onDropped } = parts;
  const answer = new AnswerSum();
  const { maxTokens } = parts.request(promptOf(parts));
  await makeRoom(parts, maxTokens);
  const messages = () =>
    answer.text === ""
      ? conversation.messages
      : [...conversation.messages, { role: "assistant" as const, content: answer.text }];
  const input = () =>
    inputOf(messages(), {
      templateArguments: parts.templateArguments,
      continueLast: answer.text !== "",
    });
  for (;;) {
    try {
      const done = await answer.add(parts, input(), maxTokens);
      const isFull = answer.isFull(done, model, maxTokens);
      if (!isFull || !conversation.dropOldest()) return answer.result(done, isFull);
    } catch (error) {
      const isTooLong = error instanceof ShimmyError && error.kind === "context_length";
      if (!isTooLong || !conversation.dropOldest()) throw error;
    }
    onDropped();
  }
}

/**
 * Answers the last question several times at once. The answers share the prompt. An answer that fills the
 * context ends there.
 *
 * @param requests the request of each answer
 * @param onEvent receives the events with the number of their answer, from 0
 * @returns the answers in their order; after an interruption, some may be without a text.
 * @throws the error of the first answer that fails; the others are then cancelled.
 */
export async function completeAnswers(
  parts: Omit<AnswerParts, "request" | "onEvent">,
  requests: readonly AnswerParts["request"][],
  onEvent: (number: number, event: AnswerEvent) => Promise<void>,
): Promise<readonly CompleteAnswer[]> {
  const input = promptOf(parts);
  const { maxTokens } = requests[0]!(input);
  await makeRoom(parts, maxTokens);
  const failed = new AbortController();
  const signal = AbortSignal.any([parts.signal, failed.signal]);
  const fitted = promptOf(parts);
  const running = requests.map(async (request, number) => {
    const answer = new AnswerSum();
    const own = {
      ...parts,
      signal,
      request,
      onEvent: (event: AnswerEvent) => onEvent(number, event),
    };
    try {
      const done = await answer.add(own, fitted, maxTokens);
      return answer.result(done, answer.isFull(done, parts.model, maxTokens));
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  const ends = await Promise.allSettled(running);
  const failure = ends.find((end) => end.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  return ends.flatMap((end) => end.status === "fulfilled" ? [end.value] : []);
}

/** The prompt of a conversation. */
function promptOf(
  { conversation, templateArguments }: Pick<AnswerParts, "conversation" | "templateArguments">,
): ChatInput {
  return inputOf(conversation.messages, { templateArguments });
}

/** Leaves out the oldest questions until an answer has room, unless the model shifts its context. */
async function makeRoom(
  parts: Pick<AnswerParts, "model" | "conversation" | "templateArguments" | "signal" | "onDropped">,
  maxTokens: number | null,
): Promise<void> {
  const { model, conversation, onDropped } = parts;
  if (model.shiftsContext) return;
  const count = () => untilAborted(model.countTokens(promptOf(parts)), parts.signal);
  const room = { contextLength: model.contextLength, maxTokens, count };
  if (await fitConversation(conversation, room) > 0) onDropped();
}

/** The parts of an answer that was continued. */
class AnswerSum {
  text = "";
  #reasoning = "";
  #completionTokens = 0;
  readonly #logprobs: AnswerLogprob[] = [];

  /** Whether a limit of tokens is reached. */
  hasReached(limit: number | null): boolean {
    return limit !== null && this.#completionTokens >= limit;
  }

  /** Whether the answer has ended because the context is full. */
  isFull(
    { finishReason, usage }: Done,
    { contextLength }: Pick<OpenModel, "contextLength">,
    limit: number | null,
  ): boolean {
    return finishReason === "length" && !this.hasReached(limit) &&
      usage.promptTokens + usage.completionTokens >= contextLength - 1;
  }

  /** Runs a request and adds its events. Resolves to the last event. */
  async add(
    { model, request, signal, onEvent }: Pick<
      AnswerParts,
      "model" | "request" | "signal" | "onEvent"
    >,
    input: ChatInput,
    limit: number | null,
  ): Promise<Done> {
    const given = request(input);
    const rest = limit === null ? null : limit - this.#completionTokens;
    let done: Done | null = null;
    // Without text, the continued answer would begin in its middle.
    if (this.text === "") this.#reasoning = "";
    for await (const event of model.answer({ ...given, maxTokens: rest }, signal)) {
      if (event.type === "text") {
        this.text += event.text;
        this.#logprobs.push(...event.logprobs);
      } else if (event.type === "reasoning") this.#reasoning += event.text;
      else if (event.type === "done") done = event;
      await onEvent(event);
    }
    if (done === null) throw new Error("An answer has ended without its last event");
    this.#completionTokens += done.usage.completionTokens;
    return done;
  }

  result({ finishReason, usage, timings }: Done, isFull: boolean): CompleteAnswer {
    const all: Usage = { ...usage, completionTokens: this.#completionTokens };
    return {
      text: this.text,
      reasoning: this.#reasoning,
      logprobs: this.#logprobs,
      usage: all,
      timings,
      isCancelled: finishReason === "cancelled",
      isFull,
    };
  }
}
