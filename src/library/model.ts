import { answer, type AnswerRequest, type Format, type Input, type Message } from "../chat/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { ModelInfo, Sampling } from "../engine/protocol/mod.ts";
import { checkGeneratesText, type ModelEntry } from "../models/entry/mod.ts";
import { AnswerGeneration, type Generation } from "./generation.ts";

/** How an answer is generated. Sampling fields that are not given have the model's defaults. */
export interface GenerateOptions extends Partial<Sampling> {
  /** Maximum tokens to generate. @default {null}, until the model ends or the context is full */
  readonly maxTokens?: number | null;
  /** The answer ends before any of these texts. */
  readonly stop?: readonly string[];
  /** System message, before the messages of the prompt. */
  readonly system?: string;
  /** Complete a text prompt as it is, without the chat template. @default {false} */
  readonly raw?: boolean;
  /** Format of the answer: text, JSON, JSON of a schema, or a GBNF grammar. @default {text} */
  readonly format?: Format;
  /** Cancels the answer. */
  readonly signal?: AbortSignal;
}

/** How texts are embedded. */
export interface EmbedOptions {
  /** Scale each vector to length 1. @default {true} */
  readonly normalize?: boolean;
  /** Cut a text that is too long instead of refusing it. @default {false} */
  readonly truncate?: boolean;
  /** Cancels the remaining computation. */
  readonly signal?: AbortSignal;
}

/** One vector for each text. */
export interface Embeddings {
  readonly vectors: readonly Float32Array<ArrayBuffer>[];
  /** Tokens of each text. */
  readonly tokens: readonly number[];
}

/** A loaded model. Dispose of it to unload it. */
export interface Model extends AsyncDisposable {
  /** The name among the discovered models. */
  readonly name: string;
  /** Facts of the loaded model: context length, devices, memory and so on. */
  readonly info: ModelInfo;
  /** The engine, for requests that these methods do not offer. */
  readonly engine: Engine;
  /**
   * Generates an answer to a prompt, or to the last of several messages, with the model's chat template.
   *
   * Failures are thrown by the iteration and by `result()`: `ShimmyError` of kind `invalid` for a request
   * that the model cannot answer, `context_length` for a prompt that is too long, `backend` for a failure
   * of the model's thread or process.
   */
  generate(prompt: string | readonly Message[], options?: GenerateOptions): Generation;
  /**
   * Computes the embeddings of texts.
   *
   * @throws {ShimmyError} `context_length` for a text that is too long; `invalid` for a reranking model;
   * `cancelled`
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<Embeddings>;
  /** Token ids of a text, without the special tokens that begin or end a prompt. */
  tokenize(text: string): Promise<number[]>;
  /** The text of token ids. */
  detokenize(tokens: readonly number[]): Promise<string>;
}

/** A model with its own session. */
export class SessionModel implements Model {
  readonly #entry: ModelEntry;
  readonly #session: AsyncDisposable;
  readonly engine: Engine;

  constructor(entry: ModelEntry, engine: Engine, session: AsyncDisposable) {
    this.#entry = entry;
    this.engine = engine;
    this.#session = session;
  }

  get name(): string {
    return this.#entry.name;
  }

  get info(): ModelInfo {
    return this.engine.info;
  }

  generate(prompt: string | readonly Message[], options: GenerateOptions = {}): Generation {
    const { maxTokens = null, stop = [], system, raw, format, signal, ...sampling } = options;
    checkGeneratesText(this.#entry);
    const request: AnswerRequest = {
      input: inputOf(prompt, system, raw ?? false),
      maxTokens,
      sampling,
      stop,
      format: format ?? { type: "text" },
      ignoreEos: false,
      logprobs: null,
    };
    return new AnswerGeneration((sink) => answer(this.engine, request, sink), signal);
  }

  async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<Embeddings> {
    const { normalize = true, truncate = false, signal } = options;
    const inputs = texts.map((text, index) => ({ field: `texts[${index}]`, text }));
    return await this.engine.embed({ inputs, normalize, truncate }, signal);
  }

  tokenize(text: string): Promise<number[]> {
    return this.engine.tokenize([{ text, special: false }], false);
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    return this.engine.detokenize(tokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

/** @throws {TypeError} for options that exclude each other */
function inputOf(
  prompt: string | readonly Message[],
  system: string | undefined,
  raw: boolean,
): Input {
  if (raw) {
    if (typeof prompt !== "string") throw new TypeError("raw: the prompt must be a text");
    if (system !== undefined) throw new TypeError("system: has no effect with raw");
    return { type: "text", text: prompt };
  }
  const messages: readonly Message[] = typeof prompt === "string"
    ? [{ role: "user", content: prompt }]
    : prompt;
  return {
    type: "chat",
    messages: system === undefined ? messages : [{ role: "system", content: system }, ...messages],
    tools: [],
    toolChoice: { type: "none" },
    parallelToolCalls: false,
    templateArguments: {},
    continueLast: false,
  };
}
