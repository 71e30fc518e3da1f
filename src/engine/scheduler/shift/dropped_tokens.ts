/** Tokens at the beginning of a context that a context shift keeps. */
export const KEPT = 1;

/** What a context shift dropped. */
export interface DroppedTokens {
  /** Tokens of the answer at the time. */
  readonly at: number;
  /** The tokens that stood after the first {@linkcode KEPT} ones. */
  readonly tokens: readonly number[];
}

/** The tokens of a context, and what shifts dropped before, the earliest first. */
export interface ShiftedTokens {
  readonly tokens: number[];
  readonly dropped: readonly DroppedTokens[];
}

/** Number of tokens that a shift drops of a full context: half of those after the first. */
export function droppedCount(length: number): number {
  return Math.max(1, (length - 1 - KEPT) >> 1);
}

/**
 * The context of an answer when it had fewer tokens: the shifts after that are undone.
 *
 * @param promptLength tokens of the prompt before any shift
 * @param keep tokens of the answer
 */
export function contextAt(
  { tokens, dropped }: ShiftedTokens,
  promptLength: number,
  keep: number,
): ShiftedTokens {
  const left = dropped.filter(({ at }) => at <= keep);
  const context = restored(tokens, dropped.slice(left.length));
  const lost = left.reduce((sum, one) => sum + one.tokens.length, 0);
  context.length = promptLength + keep - lost;
  return { tokens: context, dropped: left };
}

/** A context with the tokens that shifts dropped. */
export function restored(
  tokens: readonly number[],
  dropped: readonly DroppedTokens[],
): number[] {
  return dropped.reduceRight(
    (context, one) => [...context.slice(0, KEPT), ...one.tokens, ...context.slice(KEPT)],
    [...tokens],
  );
}

/**
 * The context after an answer was sampled token by token.
 * @param length maximum tokens of the context: with as many it is shifted
 */
export function contextAfter(
  prompt: readonly number[],
  answer: readonly number[],
  length: number,
): ShiftedTokens {
  const tokens = [...prompt];
  const dropped: DroppedTokens[] = [];
  for (const [at, token] of answer.entries()) {
    tokens.push(token);
    if (tokens.length < length) continue;
    dropped.push({ at: at + 1, tokens: tokens.splice(KEPT, droppedCount(tokens.length)) });
  }
  return { tokens, dropped };
}
