import {
  type Engine,
  type FlowControl,
  type RunningSequence,
  type Sink,
  Transform,
} from "../engine/mod.ts";
import type {
  PromptPart,
  ReasoningPhase,
  SequenceEvent,
  SequenceRequest,
} from "../engine/protocol/mod.ts";
import {
  type ControlTokens,
  controlTokensOf,
  type RenderedChat,
  textOfParts,
} from "./prompt/mod.ts";
import type { AnswerEvent, AnswerRequest, Input } from "./conversation/mod.ts";
import { inlinePreparer, type PreparedAnswer, type Preparer } from "./preparation/mod.ts";
import { AnswerAssembler } from "./answer_assembler.ts";
import { AnswerParser } from "./answer_parser.ts";

/** A running answer. */
export interface Answer {
  /** Number of tokens that were generated up to the last event. */
  readonly completionTokens: number;
  /** Takes effect at the next token. */
  control(control: FlowControl): void;
}

/**
 * Runs a request on an engine: renders the prompt, constrains the sampling to the requested format,
 * and parses the output into text, reasoning and tool calls.
 *
 * @param sink receives the events; the last one is `done`. Its `end` gets errors as `ShimmyError`. It
 * is called only after the return.
 * @param preparer Renders the prompt and compiles the grammar; by default this thread.
 */
export function answer(
  engine: Engine,
  request: AnswerRequest,
  sink: Sink<AnswerEvent>,
  preparer: Preparer = inlinePreparer,
): Answer {
  const running = new RunningAnswer(sink);
  running.start(engine, request, preparer).catch((error) => sink.end(error));
  return running;
}

/**
 * Number of tokens of an input's prompt, exactly as a request counts them.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function countTokens(
  engine: Engine,
  input: Input,
  preparer?: Preparer,
): Promise<number> {
  return (await promptTokens(engine, input, preparer)).length;
}

/**
 * The tokens of an input's prompt, as a request evaluates them.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function promptTokens(
  engine: Engine,
  input: Input,
  preparer: Preparer = inlinePreparer,
): Promise<readonly number[]> {
  const prompt = await preparer.prompt(engine.info, withDefaultMessages(engine, input));
  return await engine.tokenize(prompt, true);
}

/**
 * The text of an input's prompt, including control tokens.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function promptText(
  engine: Engine,
  input: Input,
  preparer: Preparer = inlinePreparer,
): Promise<string> {
  const parts = await preparer.prompt(engine.info, withDefaultMessages(engine, input));
  const texts = parts.map((part) => "text" in part ? part.text : engine.detokenize(part.tokens));
  return (await Promise.all(texts)).join("");
}

/**
 * The text of a conversation's prompt without the model's default messages.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function conversationText(
  { info }: Engine,
  input: Input,
  preparer: Preparer = inlinePreparer,
): Promise<string> {
  return textOfParts(await preparer.prompt(info, input));
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

/** Converts the events of a sequence to those of an answer, and keeps controls until it starts. */
class RunningAnswer extends Transform<SequenceEvent, AnswerEvent> implements Answer {
  completionTokens = 0;
  #assembler: AnswerAssembler | null = null;
  /** The text of a control token that is not a part of the message. */
  #isHidden: (text: string) => boolean = () => false;
  #sequence: RunningSequence | null = null;
  readonly #early: FlowControl[] = [];
  #isCancelled = false;

  control(control: FlowControl): void {
    // Several callers may cancel an answer. Only the first cancellation is forwarded.
    if (this.#isCancelled) return;
    this.#isCancelled = control.type === "cancel";
    if (this.#sequence === null) this.#early.push(control);
    else this.#sequence.control(control);
  }

  /** Rejects with a request that cannot be sent to the engine. */
  async start(engine: Engine, given: AnswerRequest, preparer: Preparer): Promise<void> {
    const request = { ...given, input: withDefaultMessages(engine, given.input) };
    const prepared = await preparer.answer(engine.info, request.input, request.format);
    const { chat, prompt, constraint } = prepared;
    await checkGrammarTokens(engine, prepared);
    const controls = controlTokensOf(engine.info);
    const markers = chat === null ? [] : markersOf(chat, controls);
    // With `specialText`, all control tokens are in the text.
    if (markers.length > 0) {
      this.#isHidden = (text) => controls.has(text) && !markers.includes(text);
    }
    this.#assembler = new AnswerAssembler(
      chat === null ? null : new AnswerParser(chat),
      request.stop,
      constraint?.notices ?? [],
      request.reportsTokens ?? false,
      this.out,
    );
    this.#sequence = engine.generate({
      ...sequenceRequest(request, chat, prompt),
      ...(constraint === null ? {} : { grammar: constraint.grammar }),
      ...(markers.length === 0 ? {} : { specialText: true }),
    }, this);
    for (const control of this.#early) this.#sequence.control(control);
  }

  override event(event: SequenceEvent): void {
    if (event.type === "error") return;
    if (event.type === "prompt" || event.type === "progress") return this.out.event(event);
    if (event.type === "token") this.completionTokens++;
    else this.completionTokens = event.usage.completionTokens;
    this.#assembler!.add(this.#isHidden(event.text) ? { ...event, text: "" } : event);
  }
}

/** @throws {ShimmyError} `invalid` if a token of the request's grammar is not in the vocabulary. */
async function checkGrammarTokens(
  engine: Engine,
  { grammarTokens }: PreparedAnswer,
): Promise<void> {
  for (const { text, error } of grammarTokens) {
    const ids = await engine.tokenize([{ text, special: true }], false);
    if (ids.length !== 1) throw error;
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
    ...(request.input.type === "tokens" && request.input.isComplete ? { addSpecial: false } : {}),
    maxTokens: request.maxTokens,
    sampling: request.sampling,
    stop: [...request.stop, ...(chat?.stops ?? [])],
    ignoreEos: request.ignoreEos,
    ...(request.contextLength === undefined ? {} : { contextLength: request.contextLength }),
    ...(request.session === undefined ? {} : { session: request.session }),
    ...(request.loras === undefined ? {} : { loras: request.loras }),
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(request.client === undefined ? {} : { client: request.client }),
    ...(chat === null ? {} : { reasoning: reasoningPhase(request, chat) }),
    ...(request.cachePrompt === undefined ? {} : { cachePrompt: request.cachePrompt }),
    ...(request.promptLogprobs === undefined ? {} : { promptLogprobs: request.promptLogprobs }),
    ...(request.logprobs === null ? {} : { logprobs: request.logprobs }),
    ...(request.sampledLogprobs ? { sampledLogprobs: true } : {}),
    ...(request.reportsProgress ? { reportsProgress: true } : {}),
    ...(request.reportsTimings ? { reportsTimings: true } : {}),
    ...(request.slot === undefined ? {} : { slot: request.slot }),
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
