import type { AnswerEvent, AnswerRequest, Input } from "../../chat/mod.ts";
import type { MediaInput } from "../../engine/protocol/mod.ts";

/** Where models answer: this process or a running server. */
export interface ModelHost extends AsyncDisposable {
  /** Address of the server; null: this process. */
  readonly server: string | null;
  /** Whether a model is open; false after a load that failed. */
  readonly isOpen: boolean;
  /** Names of the models. */
  list(): Promise<readonly string[]>;
  /**
   * Loads a model.
   * @param name `undefined`: the default model.
   * @throws {ShimmyError} `not_found` for an unknown name.
   */
  open(name: string | undefined, signal: AbortSignal): Promise<OpenModel>;
}

/** A loaded model that answers. */
export interface OpenModel {
  readonly name: string;
  /** Maximum tokens of a prompt and its answer together. */
  readonly contextLength: number;
  /** Whether the model has a chat template of its own. */
  readonly hasTemplate: boolean;
  /** Why the model reads no images, or no audio; null if it reads them. */
  refusalOf(type: MediaInput["type"]): string | null;
  /** Tokens that an answer has at most where the request sets no limit; null: no limit. */
  readonly maxTokens: number | null;
  /** Whether the engine discards the oldest tokens of a full context. */
  readonly shiftsContext: boolean;
  /**
   * Runs a request. The signal ends the answer, whose last event is then `done` with `cancelled`.
   * @throws {ShimmyError} `context_length` for a prompt that does not fit, with its `overflow`.
   */
  answer(request: AnswerRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>;
  /** Tokens of a prompt, as a request counts them. */
  countTokens(input: Extract<Input, { type: "chat" }>): Promise<number>;
  describe(): Promise<ModelDescription>;
}

/** Facts about a model for people. Texts that do not exist are empty. */
export interface ModelDescription {
  readonly info: readonly (readonly [name: string, value: string])[];
  readonly template: string;
  /** One line per parameter. */
  readonly parameters: string;
  readonly system: string;
  readonly license: string;
  readonly modelfile: string;
}
