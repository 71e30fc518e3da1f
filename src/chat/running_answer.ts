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
  Sampling,
  SequenceEvent,
  SequenceRequest,
} from "../engine/protocol/mod.ts";
import { ShimmyError } from "../errors.ts";
import { AnswerAssembler } from "./answer_assembler.ts";
import { AnswerParser } from "./answer_parser.ts";
import {
  type AnswerEdit,
  type AnswerEvent,
  type AnswerRequest,
  type AnswerSoFar,
  cancelledEvent,
  type Format,
  type Input,
  withSeedOffset,
} from "./conversation/mod.ts";
import type { PreparedAnswer, Preparer } from "./preparation/mod.ts";
import { type ControlTokens, controlTokensOf, type RenderedChat } from "./prompt/mod.ts";

/** A running answer. */
export interface Answer {
  /** Number of tokens that were generated up to the last event. */
  readonly completionTokens: number;
  /** Number of the prompt's tokens; null before the request is queued, and unless it reports its length. */
  readonly promptTokens: number | null;
  /**
   * Resolves to the number of the prompt's tokens when a request that reports its length is queued. Rejects
   * with the error of a request that ends before.
   */
  readonly queued: Promise<number>;
  /** Takes effect at the next token. */
  control(control: FlowControl): void;
  /**
   * Changes the tokens of the answer, or the format of what follows.
   *
   * @returns the number of tokens of the answer.
   * @throws {ShimmyError} `not_found` before the prompt is read and after the end; `invalid` for an edit
   * that cannot be applied, which then changes nothing.
   */
  edit(edit: AnswerEdit): Promise<number>;
  /**
   * Starts another answer that begins with the first tokens of this one. The KV cache of this one is used.
   *
   * @param sink receives the events after those tokens.
   * @throws {ShimmyError} `not_found` before the prompt is read; `invalid` for more tokens than this answer
   * has.
   */
  fork(engine: Engine, fork: AnswerFork, sink: Sink<AnswerEvent>): ForkedAnswer;
}

/** How an answer forks. */
export interface AnswerFork {
  /** Number of tokens that the other answer begins with. */
  readonly at: number;
  /** Changes to the present sampling. */
  readonly sampling: Partial<Sampling>;
  /** Number among the forks, from 0: each has its own seed. */
  readonly number: number;
}

/** An answer that began with tokens of another one. */
export interface ForkedAnswer {
  readonly answer: Answer;
  /** What it begins with. */
  readonly soFar: AnswerSoFar;
}

/** Converts the events of a sequence to those of an answer, and keeps controls until it starts. */
export class RunningAnswer extends Transform<SequenceEvent, AnswerEvent> implements Answer {
  completionTokens = 0;
  promptTokens: number | null = null;
  /** Null until a caller awaits it, as few do. */
  #queued: PromiseWithResolvers<number> | null = null;
  /** Null before the end. */
  #ended: { readonly error: unknown } | null = null;
  #assembler: AnswerAssembler | null = null;
  /** Null until the request is prepared. */
  #prepared: PreparedRequest | null = null;
  #sequence: RunningSequence | null = null;
  readonly #early: FlowControl[] = [];
  readonly #cancelled = new AbortController();

  get queued(): Promise<number> {
    if (this.#queued === null) {
      this.#queued = Promise.withResolvers<number>();
      // The caller may await it late.
      this.#queued.promise.catch(() => {});
      this.#settleQueued();
    }
    return this.#queued.promise;
  }

  #settleQueued(): void {
    if (this.#queued === null) return;
    if (this.promptTokens !== null) this.#queued.resolve(this.promptTokens);
    else if (this.#ended !== null) this.#queued.reject(this.#ended.error ?? notQueued());
  }

  /** Aborts when the answer is cancelled, or stopped before its request was sent to the engine. */
  get cancelled(): AbortSignal {
    return this.#cancelled.signal;
  }

  control(control: FlowControl): void {
    // Several callers may cancel an answer. Only the first cancellation is forwarded.
    if (this.#cancelled.signal.aborted) return;
    const isUnsent = this.#sequence === null;
    if (control.type === "cancel" || (control.type === "stop" && isUnsent)) this.#cancelled.abort();
    if (control.type === "sampling") this.#steer(control);
    if (isUnsent) this.#early.push(control);
    else this.#sequence!.control(control);
  }

  async edit({ format, ...edit }: AnswerEdit): Promise<number> {
    const prepared = this.#begun;
    const grammar = format === undefined ? undefined : await prepared.grammarOf(format);
    const change = grammar === undefined ? edit : { ...edit, grammar };
    const tokens = await this.#sequence!.edit(change);
    this.#steer(edit);
    const { begun, grammar: _, ...request } = prepared.request;
    if (grammar !== undefined) {
      const made = grammar === null ? {} : { grammar };
      prepared.request = { ...request, ...made, begun: { tokens: [], unconstrained: tokens } };
    } else if (begun?.unconstrained !== undefined && edit.keep !== undefined) {
      const unconstrained = Math.min(begun.unconstrained, edit.keep);
      prepared.request = { ...prepared.request, begun: { tokens: [], unconstrained } };
    }
    return tokens;
  }

  fork(engine: Engine, { at, sampling, number }: AnswerFork, sink: Sink<AnswerEvent>) {
    const { request, ...prepared } = this.#begun;
    const { past, callIds } = this.#assembler!;
    if (at > past.length) {
      const message = `fork: must be from 0 to ${past.length}, not ${at}`;
      throw new ShimmyError("invalid", message, { field: "fork" });
    }
    const kept = past.slice(0, at);
    const offset = typeof sampling.seed === "number" ? number : number + 1;
    // A session and a slot belong to one answer, and the prompt is known.
    const { session: _, slot: __, promptLogprobs: ___, ...rest } = request;
    const answer = new RunningAnswer(sink);
    const own = {
      ...rest,
      reportsLength: false,
      reportsProgress: false,
      sampling: withSeedOffset({ ...request.sampling, ...sampling }, offset),
      begun: { ...request.begun, isReported: false, tokens: kept.map(({ token }) => token) },
    };
    const soFar = answer.#begin(engine, { ...prepared, request: own }, { past: kept, callIds });
    answer.completionTokens = at;
    return { answer, soFar };
  }

  get #begun(): PreparedRequest {
    if (this.#prepared !== null) return this.#prepared;
    throw new ShimmyError("not_found", "The answer has not begun: its prompt is being prepared");
  }

  /** Notes a change of the sampling, for forks. */
  #steer({ sampling, phase }: Pick<AnswerEdit, "sampling" | "phase">): void {
    const prepared = this.#prepared;
    if (sampling === undefined || prepared === null) return;
    const { request } = prepared;
    const { reasoning } = request;
    if (phase !== "reasoning") {
      prepared.request = { ...request, sampling: { ...request.sampling, ...sampling } };
    }
    if (phase === "answer" || reasoning === undefined) return;
    if (phase === undefined && reasoning.sampling === undefined) return;
    const changed = { ...request.sampling, ...reasoning.sampling, ...sampling };
    prepared.request = { ...prepared.request, reasoning: { ...reasoning, sampling: changed } };
  }

  /** Rejects with a request that cannot be sent to the engine. */
  async start(engine: Engine, request: AnswerRequest, preparer: Preparer): Promise<void> {
    const prepared = await preparer.answer(engine.info, request.input, request.format);
    const { chat, prompt, constraint } = prepared;
    await checkGrammarTokens(engine, prepared);
    const controls = controlTokensOf(engine.info);
    const markers = chat === null ? [] : markersOf(chat, controls);
    this.#begin(engine, {
      request: {
        ...sequenceRequest(request, chat, prompt),
        ...(constraint === null ? {} : { grammar: constraint.grammar }),
        ...(markers.length === 0 ? {} : { specialText: true }),
      },
      // With `specialText`, all control tokens are in the text.
      isHidden: (text) => markers.length > 0 && controls.has(text) && !markers.includes(text),
      grammarOf: (format) => grammarOf(engine, request.input, format, preparer),
      assembler: (sink) =>
        new AnswerAssembler(
          () => chat === null ? null : new AnswerParser(chat),
          request.stop,
          constraint?.notices ?? [],
          { tokens: request.reportsTokens ?? false, places: request.placesTokens ?? false },
          sink,
        ),
    });
    for (const control of this.#early) {
      if (control.type === "sampling") this.#steer(control);
      this.#sequence!.control(control);
    }
  }

  /** @param parent the answer whose first tokens this one begins with. */
  #begin(
    engine: Engine,
    prepared: PreparedRequest,
    { past, callIds }: Pick<AnswerAssembler, "past" | "callIds"> = { past: [], callIds: [] },
  ): AnswerSoFar {
    this.#prepared = prepared;
    this.#assembler = prepared.assembler(this.out);
    const soFar = this.#assembler.begin(past, callIds);
    this.#sequence = engine.generate(prepared.request, this);
    return soFar;
  }

  override event(event: SequenceEvent): void {
    if (event.type === "error") return;
    if (event.type === "queued") {
      this.promptTokens = event.promptTokens;
      return this.#settleQueued();
    }
    if (event.type === "prompt" || event.type === "progress") return this.out.event(event);
    if (event.type === "rewind") {
      this.completionTokens = event.keep;
      return this.#assembler!.rewind(event.keep);
    }
    if (event.type === "token") this.completionTokens++;
    else this.completionTokens = event.usage.completionTokens;
    this.#assembler!.add(this.#prepared!.isHidden(event.text) ? { ...event, text: "" } : event);
  }

  override end(error?: unknown): void {
    this.#ended = { error };
    this.#settleQueued();
    super.end(error);
  }

  /** Ends an answer whose request could not be prepared, which may be the effect of its cancellation. */
  notStarted(error: unknown): void {
    if (!this.cancelled.aborted) return this.end(error);
    try {
      this.out.event(cancelledEvent());
    } catch (thrown) {
      return this.end(thrown);
    }
    this.end();
  }
}

/** The error of an answer that ended before its request was queued. */
function notQueued(): ShimmyError {
  return new ShimmyError("cancelled", "The answer ended before its request was queued");
}

/** A request as its answer needs it. Changes of the sampling and of the grammar change `request`. */
interface PreparedRequest {
  request: SequenceRequest;
  /** Whether a text is that of a control token that is not a part of the message. */
  readonly isHidden: (text: string) => boolean;
  readonly grammarOf: (format: Format) => Promise<SequenceRequest["grammar"] | null>;
  readonly assembler: (sink: Sink<AnswerEvent>) => AnswerAssembler;
}

/**
 * The grammar of what follows in an answer. Text has that of the request's tools; another format has no
 * reasoning and no calls before it.
 */
async function grammarOf(
  engine: Engine,
  input: Input,
  format: Format,
  preparer: Preparer,
): Promise<SequenceRequest["grammar"] | null> {
  const whole = format.type === "text" ? input : { type: "text", text: "" } as const;
  const prepared = await preparer.answer(engine.info, whole, format);
  await checkGrammarTokens(engine, prepared);
  return prepared.constraint?.grammar ?? null;
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
    ...(request.reportsLength ? { reportsLength: true } : {}),
    ...(request.reportsProgress ? { reportsProgress: true } : {}),
    ...(request.reportsTimings ? { reportsTimings: true } : {}),
    ...(request.slot === undefined ? {} : { slot: request.slot }),
    ...(request.begun === undefined ? {} : { begun: { tokens: request.begun, isReported: true } }),
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
