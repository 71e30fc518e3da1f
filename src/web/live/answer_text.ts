import type { ToolCall } from "../conversation/mod.ts";
import type { Alternative, CallFrame, ReasoningFrame, TokenFrame } from "./frames.ts";

/** A token of an answer with the text that became visible with it. */
export interface Piece {
  readonly index: number;
  readonly text: string;
  readonly isReasoning: boolean;
  readonly id?: number;
  readonly logprob?: number;
  readonly alternatives?: readonly Alternative[];
  readonly isInserted?: boolean;
}

/** The ids of the tokens before an index; null if some are not known. */
export function tokensBefore(pieces: readonly Piece[], index: number): number[] | null {
  // A token that ends the reasoning and begins the answer has two pieces.
  const ids = new Map<number, number>();
  for (const piece of pieces) {
    if (piece.index < index && piece.id !== undefined) ids.set(piece.index, piece.id);
  }
  if (ids.size === 0) return pieces.some((piece) => piece.index < index) ? null : [];
  const last = pieces.findLast((piece) => piece.index < index && piece.id !== undefined);
  return ids.size === last!.index + 1 ? [...ids.values()] : null;
}

/** The text of an answer before an index, without its reasoning. */
export function textBefore(pieces: readonly Piece[], index: number): string {
  return pieces.filter((piece) => piece.index < index && !piece.isReasoning)
    .map(({ text }) => text).join("");
}

/** The text and the tokens of an answer. */
export class AnswerText {
  /** Text before the generated one: the beginning of a continued answer. */
  readonly prefix: string;
  readonly #pieces: Piece[];
  #content: string;
  #reasoning: string;
  readonly #calls: CallFrame[];

  constructor(prefix = "", pieces: readonly Piece[] = [], calls: readonly CallFrame[] = []) {
    this.prefix = prefix;
    this.#pieces = [...pieces];
    this.#calls = [...calls];
    [this.#content, this.#reasoning] = [prefix, ""];
    this.#join();
  }

  /** The answer without its reasoning. */
  get content(): string {
    return this.#content;
  }

  get reasoning(): string {
    return this.#reasoning;
  }

  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** The index that the next token will have. */
  get end(): number {
    return (this.#pieces.at(-1)?.index ?? -1) + 1;
  }

  /** The calls of tools, in their order. */
  get toolCalls(): readonly ToolCall[] {
    const calls: ToolCall[] = [];
    for (const { call, callId = "", name = "", arguments: text } of this.#calls) {
      const before = calls[call] ?? { id: callId, name, arguments: "" };
      calls[call] = { ...before, arguments: before.arguments + text };
    }
    return calls;
  }

  /** Adds a part of a call. */
  addCall(frame: CallFrame): void {
    this.#calls.push(frame);
  }

  /** Adds a token. */
  add(frame: TokenFrame | ReasoningFrame): void {
    const isReasoning = "reasoning" in frame;
    const text = isReasoning ? frame.reasoning : frame.token;
    const { index, id, logprob, alternatives, inserted } = frame;
    this.#pieces.push({
      index,
      text,
      isReasoning,
      ...(id === undefined ? {} : { id }),
      ...(logprob === undefined ? {} : { logprob }),
      ...(alternatives === undefined ? {} : { alternatives }),
      ...(inserted ? { isInserted: true } : {}),
    });
    if (isReasoning) this.#reasoning += text;
    else this.#content += text;
  }

  /** Drops the tokens from an index on. */
  rewind(index: number): void {
    const isBefore = (one: { readonly index: number }) => one.index < index;
    const [pieces, calls] = [this.#pieces.filter(isBefore), this.#calls.filter(isBefore)];
    this.#pieces.splice(0, Infinity, ...pieces);
    this.#calls.splice(0, Infinity, ...calls);
    this.#join();
  }

  /** An answer with the same tokens before an index. */
  fork(index: number): AnswerText {
    const isBefore = (one: { readonly index: number }) => one.index < index;
    return new AnswerText(
      this.prefix,
      this.#pieces.filter(isBefore),
      this.#calls.filter(isBefore),
    );
  }

  #join(): void {
    const texts = (isReasoning: boolean) =>
      this.#pieces.filter((piece) => piece.isReasoning === isReasoning)
        .map(({ text }) => text).join("");
    this.#content = this.prefix + texts(false);
    this.#reasoning = texts(true);
  }
}
