import { ShimmyError } from "../../../errors.ts";
import type { PrefixCache } from "../../kv_cache/mod.ts";
import type { Edit, FinishReason, SequenceEvent, SequenceRequest } from "../../protocol/mod.ts";
import type { TokenSampler } from "../../sampling/mod.ts";
import type { Piece, Tokenizer } from "../../tokenizer/mod.ts";
import { type AnswerPlace, AnswerText } from "../answer_stops.ts";
import type { Sequence } from "../sequence.ts";
import { contextAfter } from "../shift/dropped_tokens.ts";

/**
 * Tokens that rewinds of an answer may drop, in lengths of its context: an answer must not hold the model
 * for ever.
 */
const MOST_DROPPED = 64;

/** What an edit needs of its loop. */
export interface EditTools {
  readonly tokenizer: Pick<Tokenizer, "check" | "encode" | "piece">;
  readonly cache: Pick<PrefixCache, "rewind" | "restart">;
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
  checkKept(sequence, keep);
  const { tokens: kept, dropped } = sequence.contextAt(keep);
  checkRoom(sequence, kept.length, keep, given.length);
  const end = given.findIndex(isEndOfGeneration);
  const inserted = end < 0 ? given : given.slice(0, end);
  const tokens = [...kept, ...inserted];
  const { promptLength } = sequence;
  const answer = [
    ...sequence.wholeTokens.slice(promptLength, promptLength + keep),
    ...inserted,
  ];
  const unconstrained = edit.grammar === undefined
    ? Math.min(sequence.unconstrained, keep)
    : keep + inserted.length;
  const replayed = replay(sequence, { tokens, answer, keep, unconstrained }, tokenizer, edit);
  const { sampler, text, places } = replayed;
  const isUnshifted = dropped.length < sequence.shifts;
  sequence.rewind(keep, { tokens, dropped }, sampler, text);
  sequence.unconstrained = unconstrained;
  rewindCache(sequence, isUnshifted, kept.length, cache);
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
 * Lets the KV cache follow a rewind.
 *
 * @param isUnshifted whether the context has tokens again that a shift dropped. Their cells are gone, so the
 * context is computed anew.
 * @param kept tokens of the context that stay
 */
function rewindCache(
  sequence: Sequence,
  isUnshifted: boolean,
  kept: number,
  cache: EditTools["cache"],
): void {
  const { stream, tokens, adapters } = sequence;
  if (isUnshifted) sequence.scope = adapters.key;
  if (stream === null) return;
  if (isUnshifted) cache.restart(stream, sequence.scope);
  cache.rewind(stream, tokens, Math.min(kept, tokens.length - 1));
}

/**
 * Gives a new sequence the tokens that its answer begins with.
 *
 * @param length maximum tokens of the context, which is shifted as often as an answer of these tokens would
 * have shifted it
 * @throws {ShimmyError} `invalid` if the answer cannot begin with them; then the sampler is closed.
 */
export function beginAnswer(
  sequence: Sequence,
  { tokens: begun, unconstrained = 0, isReported = false }: NonNullable<SequenceRequest["begun"]>,
  length: number,
  { tokenizer, isEndOfGeneration, emit }: Omit<EditTools, "cache">,
): void {
  try {
    const answer = tokenizer.check(begun, "begin");
    if (begun.some(isEndOfGeneration)) throw refused("begin", "has a token that ends an answer");
    checkRoom(sequence, sequence.tokens.length, 0, begun.length);
    const context = contextAfter(sequence.tokens, answer, length);
    const replayed = { tokens: context.tokens, answer, keep: 0, unconstrained };
    const { sampler, text, places } = replay(sequence, replayed, tokenizer, {});
    sequence.rewind(0, context, sampler, text);
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

/** @throws {ShimmyError} `invalid` unless the answer has `keep` tokens, and may drop the others. */
function checkKept({ completionTokens, discarded, limits }: Sequence, keep: number): void {
  if (!Number.isInteger(keep) || keep < 0 || keep > completionTokens) {
    throw refused("rewind", `must be from 0 to ${completionTokens}, not ${keep}`);
  }
  const dropped = discarded + completionTokens - keep;
  const most = MOST_DROPPED * limits.length;
  if (dropped <= most) return;
  const message = `would drop ${dropped} tokens of the answer in total; at most ${most} may`;
  throw refused("rewind", message);
}

/**
 * @param context tokens of the context before the inserted ones
 * @param keep tokens of the answer before the inserted ones
 */
function checkRoom(
  { limits, maxTokens }: Sequence,
  context: number,
  keep: number,
  inserted: number,
): void {
  const held = limits.mayShift ? Infinity : limits.length - 1 - context;
  const room = Math.min(maxTokens - keep, held);
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

/** Tokens to replay. */
interface Replay {
  /** The context from now on. */
  readonly tokens: readonly number[];
  /** The tokens of the answer, also those that context shifts dropped. */
  readonly answer: readonly number[];
  /** Number of them that stay; the others are inserted. */
  readonly keep: number;
  /** Number of them at the beginning that the grammar does not apply to. */
  readonly unconstrained: number;
}

function replay(
  { request, sampler: present }: Sequence,
  { tokens, answer, keep, unconstrained }: Replay,
  tokenizer: EditTools["tokenizer"],
  { grammar, sampling, phase }: Edit,
): Replayed {
  if (grammar !== undefined && grammar !== null && present.stage === "inside") {
    throw refused("grammar", "cannot be set while the answer is inside its reasoning");
  }
  const sampler = present.restarted(tokens, grammar);
  try {
    const text = new AnswerText(request.stop, sampler.stage);
    const places: AnswerPlace[] = [];
    for (const [at, token] of answer.entries()) {
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
