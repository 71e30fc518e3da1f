import { ShimmyError } from "../../errors.ts";
import type { PrefixCache } from "../kv_cache/mod.ts";
import type { Edit, FinishReason, SequenceEvent, SequenceRequest } from "../protocol/mod.ts";
import type { TokenSampler } from "../sampling/mod.ts";
import type { Piece, Tokenizer } from "../tokenizer/mod.ts";
import { type AnswerPlace, AnswerText } from "./answer_stops.ts";
import type { Sequence } from "./sequence.ts";

/** What an edit needs of its loop. */
export interface EditTools {
  readonly tokenizer: Pick<Tokenizer, "check" | "encode" | "piece">;
  readonly cache: Pick<PrefixCache, "rewind">;
  readonly isEndOfGeneration: (token: number) => boolean;
  readonly emit: (event: SequenceEvent) => void;
}

/** An answer whose tokens were replayed: its sampler, text, and where each token stands. */
interface Replayed {
  readonly sampler: TokenSampler;
  /** The text state after the tokens that stay. */
  readonly text: AnswerText;
  /** Where the inserted tokens stand. */
  readonly places: readonly AnswerPlace[];
}

/**
 * Applies an edit to a waiting or running sequence. The sampler with its grammar and penalties, the
 * reasoning and the stop strings are built anew, and replay the tokens of the answer: an answer is short,
 * and no state needs a way back. The KV cache keeps what it can.
 *
 * @returns the reason if the answer ends with it, else null.
 * @throws {ShimmyError} `invalid` if the edit cannot be applied; then nothing has changed.
 */
export function editSequence(
  sequence: Sequence,
  edit: Edit,
  { tokenizer, cache, isEndOfGeneration, emit }: EditTools,
): FinishReason | null {
  const before = sequence.completionTokens;
  const keep = edit.keep ?? before;
  const given = insertedBy(edit, tokenizer);
  if (keep === before && given.length === 0 && edit.grammar === undefined) {
    if (edit.sampling !== undefined) sequence.sampler.update(edit.sampling, edit.phase);
    return null;
  }
  checkRoom(sequence, keep, given.length);
  const end = given.findIndex(isEndOfGeneration);
  const inserted = end < 0 ? given : given.slice(0, end);
  const answerStart = sequence.promptLength;
  const tokens = [...sequence.tokens.slice(0, answerStart + keep), ...inserted];
  const unconstrained = edit.grammar === undefined
    ? Math.min(sequence.unconstrained, keep)
    : keep + inserted.length;
  const { sampler, text, places } = replay(sequence, tokens, keep, unconstrained, tokenizer, edit);
  sequence.rewind(keep, tokens, sampler, text);
  sequence.unconstrained = unconstrained;
  if (sequence.stream !== null) {
    cache.rewind(sequence.stream, tokens, Math.min(answerStart + keep, tokens.length - 1));
  }
  if (keep < before) emit({ type: "rewind", keep });
  for (const [at, token] of inserted.entries()) {
    emit(sequence.insert(token, pieceOf(tokenizer, sequence.request, token), places[at]!));
    if (sequence.stopString !== null) return "stop";
  }
  if (end >= 0) {
    sequence.acceptEndOfGeneration(given[end]!);
    return "stop";
  }
  return sequence.completionTokens >= sequence.maxTokens ? "length" : null;
}

/**
 * Gives a new sequence the tokens that its answer begins with.
 * @throws {ShimmyError} `invalid` if the answer cannot begin with them; then the sampler is closed.
 */
export function beginAnswer(
  sequence: Sequence,
  { tokens: begun, unconstrained = 0, isReported = false }: NonNullable<SequenceRequest["begun"]>,
  { tokenizer, isEndOfGeneration, emit }: Omit<EditTools, "cache">,
): void {
  try {
    const tokens = [...sequence.tokens, ...tokenizer.check(begun, "begin")];
    if (begun.some(isEndOfGeneration)) throw refused("begin", "has a token that ends an answer");
    checkRoom(sequence, 0, begun.length);
    const { sampler, text, places } = replay(sequence, tokens, 0, unconstrained, tokenizer, {});
    sequence.rewind(0, tokens, sampler, text);
    sequence.unconstrained = unconstrained;
    const events = begun.map((token, at) => {
      const event = sequence.insert(
        token,
        pieceOf(tokenizer, sequence.request, token),
        places[at]!,
      );
      if (sequence.stopString !== null) throw refused("begin", "contains a stop string");
      return event;
    });
    if (isReported) events.forEach(emit);
  } catch (error) {
    sequence.sampler.close();
    throw error;
  }
}

/** The tokens that an edit inserts. */
function insertedBy({ text, tokens }: Edit, tokenizer: EditTools["tokenizer"]): readonly number[] {
  if (tokens !== undefined) return tokenizer.check(tokens, "token");
  return text === undefined ? [] : tokenizer.encode([{ text, special: false }], false);
}

function checkRoom(sequence: Sequence, keep: number, inserted: number): void {
  const { completionTokens, promptLength, limits, maxTokens } = sequence;
  if (sequence.isShifted) {
    throw refused("rewind", "is not possible after a context shift, which drops tokens");
  }
  if (!Number.isInteger(keep) || keep < 0 || keep > completionTokens) {
    throw refused("rewind", `must be from 0 to ${completionTokens}, not ${keep}`);
  }
  const room = Math.min(maxTokens, limits.length - 1 - promptLength) - keep;
  if (inserted > Math.max(0, room)) {
    throw refused("insert", `has ${inserted} tokens, but the answer has room for ${room}`);
  }
}

function refused(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}

function pieceOf(
  tokenizer: EditTools["tokenizer"],
  { specialText }: SequenceRequest,
  token: number,
): Piece {
  return tokenizer.piece(token, specialText ?? false);
}

/** @param unconstrained number of tokens at the beginning that the grammar does not apply to */
function replay(
  sequence: Sequence,
  tokens: readonly number[],
  keep: number,
  unconstrained: number,
  tokenizer: EditTools["tokenizer"],
  { grammar, sampling, phase }: Edit,
): Replayed {
  const { request, promptLength } = sequence;
  if (grammar !== undefined && grammar !== null && sequence.sampler.stage === "inside") {
    throw refused("grammar", "cannot be set while the answer is inside its reasoning");
  }
  const sampler = sequence.sampler.restarted(tokens, grammar);
  try {
    const text = new AnswerText(request.stop, sampler.stage);
    const places: AnswerPlace[] = [];
    for (let at = 0; promptLength + at < tokens.length; at++) {
      const token = tokens[promptLength + at]!;
      sampler.replay(token, at >= unconstrained);
      const { stage, beyondReasoning } = sampler;
      if (at < keep) text.push(pieceOf(tokenizer, request, token), sampler);
      else places.push({ stage, beyondReasoning });
    }
    if (sampling !== undefined) sampler.update(sampling, phase);
    return { sampler, text, places };
  } catch (error) {
    sampler.close();
    throw error;
  }
}
