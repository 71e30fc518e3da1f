import type { Engine, RunningSequence } from "../engine/mod.ts";
import type {
  Control,
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

/** An answer on its way: iterate it once. Leaving the iteration early cancels it. */
export interface Answer extends AsyncIterable<AnswerEvent> {
  /** Takes effect at the next token. */
  control(control: Control): void;
}

/**
 * Runs a request on an engine: renders the prompt, constrains the sampling to the asked format, and
 * parses what comes back into text, reasoning and tool calls.
 *
 * Everything that can go wrong is thrown by the iteration as a `ShimmyError`.
 */
export function answer(engine: Engine, request: AnswerRequest): Answer {
  const remote = new Remote();
  const events = run(engine, request, remote);
  return {
    control: (control) => remote.send(control),
    [Symbol.asyncIterator]: () => ({
      next: () => events.next(),
      // A generator that waits for a token would hear of its end only when the token has come.
      return: async () => {
        remote.send({ type: "cancel" });
        await events.return();
        return { done: true, value: undefined };
      },
    }),
  };
}

/**
 * How many tokens the prompt of an input has, exactly as a request with it would be counted.
 * @throws {ShimmyError} `invalid`, where the model's template refuses the conversation.
 */
export async function countTokens(engine: Engine, input: Input): Promise<number> {
  const prompt = await renderPrompt(engine.info, withDefaultSystem(engine, input));
  return (await engine.tokenize(prompt, true)).length;
}

/** An input with the model's default system message, if it is a conversation without one. */
function withDefaultSystem({ defaultSystem }: Engine, input: Input): Input {
  if (defaultSystem === undefined || input.type !== "chat") return input;
  if (input.messages.some(({ role }) => role === "system" || role === "developer")) return input;
  return { ...input, messages: [{ role: "system", content: defaultSystem }, ...input.messages] };
}

/** Carries controls to a sequence, also those that come before it has begun. */
class Remote {
  #run: RunningSequence | null = null;
  readonly #early: Control[] = [];
  #isCancelled = false;

  connect(run: RunningSequence): void {
    this.#run = run;
    for (const control of this.#early) run.control(control);
  }

  send(control: Control): void {
    // Whoever waits, reads or streams an answer may cancel it; once is enough.
    if (this.#isCancelled) return;
    this.#isCancelled = control.type === "cancel";
    if (this.#run === null) this.#early.push(control);
    else this.#run.control(control);
  }
}

async function* run(
  engine: Engine,
  given: AnswerRequest,
  remote: Remote,
): AsyncGenerator<AnswerEvent, void> {
  const request = { ...given, input: withDefaultSystem(engine, given.input) };
  const { format } = request;
  if (format.type === "grammar") await checkRawGrammar(engine, format.source);
  const chat = request.input.type === "chat" ? await renderChat(engine.info, request.input) : null;
  const controls = controlTokensOf(engine.info);
  const markers = chat === null ? [] : markersOf(chat, controls);
  const prompt = chat?.parts ?? await renderPrompt(engine.info, request.input);
  const grammar = await constraintOf(request, chat);
  const sequence = engine.generate({
    ...sequenceRequest(request, chat, prompt),
    ...(grammar === null ? {} : { grammar }),
    ...(markers.length === 0 ? {} : { specialText: true }),
  });
  remote.connect(sequence);
  const assembly = new Assembly(chat === null ? null : new AnswerParser(chat));
  for await (const event of sequence) {
    if (event.type === "error") continue;
    if (event.type === "prompt") {
      yield event;
      continue;
    }
    // With the markers come all other control tokens, which are no part of the message.
    const hidden = markers.length > 0 && controls.has(event.text) && !markers.includes(event.text);
    // Not `yield*`, which would make several promises of each of them.
    for (const made of assembly.add(hidden ? { ...event, text: "" } : event, request.stop)) {
      yield made;
    }
  }
}

/** The control tokens that the parser has to see. */
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
    ...(request.session === undefined ? {} : { session: request.session }),
    ...(request.loras === undefined ? {} : { loras: request.loras }),
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(chat === null ? {} : { reasoning: reasoningPhase(request, chat) }),
    ...(request.promptLogprobs === undefined ? {} : { promptLogprobs: request.promptLogprobs }),
    ...(request.logprobs === null ? {} : { logprobs: request.logprobs }),
  };
}

/** What the parser reads as reasoning is the phase of reasoning. */
function reasoningPhase(
  { reasoningBudget: tokens, reasoningSampling: sampling }: AnswerRequest,
  { format, reasoning, generationPrompt, opensReasoning }: RenderedChat,
): ReasoningPhase {
  const { open, close } = format.thought ?? reasoning;
  return {
    open,
    close,
    isOpen: format.thought === undefined
      ? opensReasoning
      : generationPrompt.trimEnd().endsWith(open),
    ...(tokens === undefined ? {} : { tokens }),
    ...(sampling === undefined ? {} : { sampling }),
  };
}

/** Puts the events of a sequence together into those of an answer. */
class Assembly {
  readonly #parser: AnswerParser | null;
  /** Log probabilities of tokens whose text has not come out yet. */
  #logprobs: AnswerLogprob[] = [];

  constructor(parser: AnswerParser | null) {
    this.#parser = parser;
  }

  *add(
    event: Extract<SequenceEvent, { type: "token" | "done" }>,
    stops: readonly string[],
  ): Generator<AnswerEvent> {
    if (event.type === "token" && event.logprob !== undefined) this.#logprobs.push(event.logprob);
    yield* this.#emit(this.#parsed(event.text));
    if (event.type !== "done") return;
    yield* this.#emit(this.#parser?.end() ?? []);
    const { usage, timings, stopString, notices } = event;
    yield {
      type: "done",
      finishReason: this.#finish(event.finishReason),
      stopString: stopString !== null && stops.includes(stopString) ? stopString : null,
      usage,
      timings,
      ...(notices === undefined ? {} : { notices }),
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
    return reason === "stop" && (this.#parser?.calls ?? 0) > 0 ? "tool_calls" : reason;
  }
}
