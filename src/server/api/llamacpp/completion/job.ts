import type { AnswerEvent, AnswerLogprob, AnswerRequest } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { Usage } from "../../../../engine/protocol/mod.ts";
import { LineLimits } from "./line_limits.ts";
import type { CompletionFields } from "./fields.ts";

/** A completion to compute: the tokens of its prompt and its request. */
export interface Job {
  readonly tokens: readonly number[];
  readonly request: AnswerRequest;
}

type Done = Extract<AnswerEvent, { type: "done" }>;

/** A piece of a completion. */
export interface Piece {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly logprobs: readonly AnswerLogprob[];
}

/** The text of a completion as its events come, cut by the limits of its lines. */
export class CompletionState {
  readonly job: Job;
  readonly #limits: LineLimits;
  readonly tokens: number[] = [];
  readonly logprobs: AnswerLogprob[] = [];
  /** The prompt as text, with control tokens; empty until the engine has told it. */
  prompt = "";
  /** Whether a limit of lines has ended the text. */
  isCut = false;
  #done: Done | null = null;

  constructor(job: Job, body: CompletionFields) {
    this.job = job;
    this.#limits = new LineLimits(body.n_indent ?? 0, body.t_max_predict_ms ?? 0);
  }

  /** Adds text. @returns the part that belongs to the completion; null after its end. */
  push(event: Extract<AnswerEvent, { type: "text" }>): Piece | null {
    if (this.isCut) return null;
    const { text, ends } = this.#limits.push(event.text, performance.now());
    this.isCut = ends;
    const piece = { text, tokens: event.tokens ?? [], logprobs: event.logprobs };
    this.tokens.push(...piece.tokens);
    this.logprobs.push(...piece.logprobs);
    return piece;
  }

  /** @throws {ShimmyError} `cancelled` when the server ended the answer. */
  end(done: Done): void {
    if (done.finishReason === "cancelled") {
      throw new ShimmyError("cancelled", "The answer was cancelled");
    }
    this.#done = done;
  }

  /** The last event; only available after the end. */
  get done(): Done {
    if (this.#done === null) throw new ShimmyError("backend", "Generation ended without a result");
    return this.#done;
  }

  get text(): string {
    return this.#limits.text;
  }

  get hasNewLine(): boolean {
    return this.#limits.hasNewLine;
  }

  /** Why the completion ended, in llama-server's words. */
  get stopType(): "eos" | "limit" | "word" {
    const { stopString, finishReason } = this.done;
    if (this.isCut || finishReason === "length") return "limit";
    return stopString === null ? "eos" : "word";
  }

  /** Whether the context was too short for the completion. */
  isTruncated(contextLength: number): boolean {
    const { usage } = this.done;
    const total = totalOf(usage);
    if (total > contextLength) return true;
    const { maxTokens } = this.job.request;
    const isShort = maxTokens === null || usage.completionTokens < maxTokens;
    return this.stopType === "limit" && !this.isCut && isShort && total >= contextLength;
  }
}

function totalOf({ promptTokens, completionTokens }: Usage): number {
  return promptTokens + completionTokens;
}
