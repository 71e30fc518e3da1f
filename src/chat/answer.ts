import type { Engine, RunningSequence } from "../engine/mod.ts";
import type {
  Control,
  Notice,
  PromptPart,
  ReasoningPhase,
  SequenceEvent,
  SequenceRequest,
} from "../engine/protocol/mod.ts";
import { checkRawGrammar, constraintOf } from "./constraint/mod.ts";
import {
  type ControlTokens,
  controlTokensOf,
  renderChat,
  type RenderedChat,
  renderPrompt,
} from "./prompt/mod.ts";
import type {
  AnswerEvent,
  AnswerFinish,
  AnswerLogprob,
  AnswerRequest,
  Input,
} from "./conversation/mod.ts";
import { AnswerParser } from "./answer_parser.ts";
import type { ParsedEvent } from "./stream/mod.ts";

/** A running answer. It can be iterated once. Leaving the iteration early cancels the answer. */
export interface Answer extends AsyncIterable<AnswerEvent> {
  /** Number of tokens that were generated up to the last event. */
  readonly completionTokens: number;
  /** Takes effect at the next token. */
  control(control: Control): void;
}

/**
 * Runs a request on an engine: renders the prompt, constrains the sampling to the requested format,
 * and parses the output into text, reasoning and tool calls.
 *
 * The iteration throws all errors as `ShimmyError`.
 */
export function answer(engine: Engine, request: AnswerRequest): Answer {
  const queue = new ControlQueue();
  const progress = { completionTokens: 0 };
  const events = runAnswer(engine, request, queue, progress);
  return {
    get completionTokens() {
      return progress.completionTokens;
    },
    control: (control) => queue.send(control),
    [Symbol.asyncIterator]: () => ({
      next: () => events.next(),
      // `return` of a generator that waits for a token would take effect only after that token.
      return: async () => {
        queue.send({ type: "cancel" });
        await events.return();
        return { done: true, value: undefined };
      },
    }),
  };
}

/**
 * Number of tokens of an input's prompt, exactly as a request counts them.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function countTokens(engine: Engine, input: Input): Promise<number> {
  return (await promptTokens(engine, input)).length;
}

/**
 * The tokens of an input's prompt, as a request evaluates them.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function promptTokens(engine: Engine, input: Input): Promise<readonly number[]> {
  const prompt = await renderPrompt(engine.info, withDefaultMessages(engine, input));
  return await engine.tokenize(prompt, true);
}

/**
 * The text of an input's prompt, including control tokens.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function promptText(engine: Engine, input: Input): Promise<string> {
  const parts = await renderPrompt(engine.info, withDefaultMessages(engine, input));
  const texts = parts.map((part) => "text" in part ? part.text : engine.detokenize(part.tokens));
  return (await Promise.all(texts)).join("");
}

/**
 * An input with the model's default system message, if it is a conversation without one, and with the
 * model's messages before those of the conversation.
 */
function withDefaultMessages({ defaultSystem, defaultMessages = [] }: Engine, input: Input): Input {
  if (input.type !== "chat" || (defaultSystem === undefined && defaultMessages.length === 0)) {
    return input;
  }
  const isSystem = ({ role }: { readonly role: string }) =>
    role === "system" || role === "developer";
  const own = input.messages.some(isSystem) || defaultMessages.some(isSystem);
  // Most templates accept a system message only at the beginning.
  const first = input.messages.findIndex((message) => !isSystem(message));
  const start = first < 0 ? input.messages.length : first;
  return {
    ...input,
    messages: [
      ...(defaultSystem === undefined || own
        ? []
        : [{ role: "system" as const, content: defaultSystem }]),
      ...input.messages.slice(0, start),
      // With a prefix, the conversation does not begin here.
      ...(input.prefix === undefined ? defaultMessages : []),
      ...input.messages.slice(start),
    ],
  };
}

/** Forwards controls to a sequence. It queues controls until the sequence has started. */
class ControlQueue {
  #sequence: RunningSequence | null = null;
  readonly #early: Control[] = [];
  #isCancelled = false;

  connect(sequence: RunningSequence): void {
    this.#sequence = sequence;
    for (const control of this.#early) sequence.control(control);
  }

  send(control: Control): void {
    // Several callers may cancel an answer. Only the first cancellation is forwarded.
    if (this.#isCancelled) return;
    this.#isCancelled = control.type === "cancel";
    if (this.#sequence === null) this.#early.push(control);
    else this.#sequence.control(control);
  }
}

async function* runAnswer(
  engine: Engine,
  given: AnswerRequest,
  queue: ControlQueue,
  progress: { completionTokens: number },
): AsyncGenerator<AnswerEvent, void> {
  const request = { ...given, input: withDefaultMessages(engine, given.input) };
  const { format } = request;
  if (format.type === "grammar") await checkRawGrammar(engine, format.source, format.field);
  const chat = request.input.type === "chat" ? await renderChat(engine.info, request.input) : null;
  const controls = controlTokensOf(engine.info);
  const markers = chat === null ? [] : markersOf(chat, controls);
  const prompt = chat?.parts ?? await renderPrompt(engine.info, request.input);
  const constraint = await constraintOf(request, chat);
  const sequence = engine.generate({
    ...sequenceRequest(request, chat, prompt),
    ...(constraint === null ? {} : { grammar: constraint.grammar }),
    ...(markers.length === 0 ? {} : { specialText: true }),
  });
  queue.connect(sequence);
  const assembler = new EventAssembler(
    chat === null ? null : new AnswerParser(chat),
    constraint?.notices ?? [],
  );
  for await (const event of sequence) {
    if (event.type === "error") continue;
    if (event.type === "prompt") {
      yield event;
      continue;
    }
    if (event.type === "token") progress.completionTokens++;
    else progress.completionTokens = event.usage.completionTokens;
    // With `specialText`, all control tokens are in the text. Those that are not markers are not
    // part of the message.
    const hidden = markers.length > 0 && controls.has(event.text) && !markers.includes(event.text);
    // `yield*` would create several promises per event.
    for (
      const answerEvent of assembler.add(hidden ? { ...event, text: "" } : event, request.stop)
    ) {
      yield answerEvent;
    }
  }
}

/** The control tokens that the parser needs. */
function markersOf(chat: RenderedChat, controls: ControlTokens): readonly string[] {
  const { format, tools, reasoning } = chat;
  const wanted = tools.length > 0 || format.framesAnswer ? format.markers : [];
  return [...wanted, reasoning.open, reasoning.close].flatMap((text) => controls.allIn(text));
}

function sequenceRequest(
  request: AnswerRequest,
  chat: RenderedChat | null,
  prompt: readonly PromptPart[],
): SequenceRequest {
  return {
    prompt,
    maxTokens: request.maxTokens,
    sampling: request.sampling,
    stop: [...request.stop, ...(chat?.stops ?? [])],
    ignoreEos: request.ignoreEos,
    ...(request.contextLength === undefined ? {} : { contextLength: request.contextLength }),
    ...(request.session === undefined ? {} : { session: request.session }),
    ...(request.loras === undefined ? {} : { loras: request.loras }),
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(chat === null ? {} : { reasoning: reasoningPhase(request, chat) }),
    ...(request.cachePrompt === undefined ? {} : { cachePrompt: request.cachePrompt }),
    ...(request.promptLogprobs === undefined ? {} : { promptLogprobs: request.promptLogprobs }),
    ...(request.logprobs === null ? {} : { logprobs: request.logprobs }),
  };
}

/** The reasoning phase matches what the parser reads as reasoning. */
function reasoningPhase(
  { reasoningBudget: tokens, reasoningSampling: sampling }: AnswerRequest,
  { format, reasoning, generationPrompt, opensReasoning }: RenderedChat,
): ReasoningPhase {
  const { open, close } = format.reasoningFrame ?? reasoning;
  return {
    open,
    close,
    isOpen: format.reasoningFrame === undefined
      ? opensReasoning
      : generationPrompt.trimEnd().endsWith(open),
    ...(tokens === undefined ? {} : { tokens }),
    ...(sampling === undefined ? {} : { sampling }),
  };
}

/** Maximum number of notices about the schemas of one request. */
const MAX_NOTICES = 32;

function bounded(notices: readonly string[]): readonly string[] {
  if (notices.length <= MAX_NOTICES) return notices;
  const more = notices.length - MAX_NOTICES + 1;
  return [...notices.slice(0, MAX_NOTICES - 1), `${more} more parts of schemas are not enforced`];
}

/** Converts the events of a sequence to events of an answer. */
class EventAssembler {
  readonly #parser: AnswerParser | null;
  readonly #notices: readonly Notice[];
  /** Log probabilities of tokens whose text is not emitted yet. */
  #logprobs: AnswerLogprob[] = [];

  /** @param notices Sentences about parts of the request that have no effect. */
  constructor(parser: AnswerParser | null, notices: readonly string[]) {
    this.#parser = parser;
    this.#notices = bounded(notices).map((message) => ({ message }));
  }

  *add(
    event: Extract<SequenceEvent, { type: "token" | "done" }>,
    stops: readonly string[],
  ): Generator<AnswerEvent> {
    if (event.type === "token" && event.logprob !== undefined) this.#logprobs.push(event.logprob);
    yield* this.#emit(this.#parsed(event.text));
    if (event.type !== "done") return;
    const { usage, timings } = event;
    const notices = [...this.#notices, ...event.notices ?? []];
    const stopString = event.stopString !== null && stops.includes(event.stopString)
      ? event.stopString
      : null;
    const isCut = event.finishReason !== "stop" || stopString !== null;
    yield* this.#emit(this.#parser?.end(isCut ? { following: stopString } : null) ?? []);
    const incompleteCall = this.#parser?.incompleteCall ?? null;
    yield {
      type: "done",
      finishReason: this.#finish(event.finishReason),
      stopString,
      usage,
      timings,
      ...(incompleteCall === null ? {} : { incompleteCall }),
      ...(notices.length === 0 ? {} : { notices }),
    };
  }

  #parsed(text: string): ParsedEvent[] {
    if (this.#parser !== null) return this.#parser.push(text);
    return text === "" ? [] : [{ type: "text", text }];
  }

  *#emit(events: readonly ParsedEvent[]): Generator<AnswerEvent> {
    for (const event of events) {
      const logprobs = this.#logprobs;
      this.#logprobs = [];
      yield event.type === "text" || event.type === "reasoning" ? { ...event, logprobs } : event;
    }
  }

  #finish(reason: "stop" | "length" | "cancelled"): AnswerFinish {
    if (reason !== "stop" || this.#parser === null || this.#parser.calls === 0) return reason;
    return this.#parser.endsInCall ? "stop" : "tool_calls";
  }
}
