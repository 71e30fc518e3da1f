import type { Batch } from "../../../ffi/mod.ts";
import { byPriority } from "./order/priority.ts";
import type { KvStream } from "../kv_cache/mod.ts";
import { ROW_GROUP } from "../native/mod.ts";
import type { Sequence } from "./sequence.ts";

/**
 * Order of sequences in a batch. libllama computes sequences together only if their ids are
 * consecutive (`split_equal` in llama-batch.cpp).
 */
const byStream = (a: Sequence, b: Sequence) => a.stream!.id - b.stream!.id;

/** The sequences in the order in which a batch takes them. */
export function inOrder(sequences: readonly Sequence[]): readonly Sequence[] {
  return sequences.length < 2 ? sequences : sequences.toSorted(byStream);
}

/**
 * Fills a batch with the last sampled token and the draft of each decoding sequence.
 *
 * @param decoding sequences in the order of their streams
 * @param paddingStreams idle streams that get a padding row: see `PaddingRows`
 */
export function addDecodeTokens(
  batch: Batch,
  decoding: readonly Sequence[],
  paddingStreams: readonly KvStream[],
): void {
  batch.clear();
  const padding = paddingStreams.length === 0 ? [] : paddingStreams.toSorted((a, b) => a.id - b.id);
  for (const sequence of decoding) {
    if (padding.length > 0) addPadding(batch, decoding, padding, sequence.stream!.id);
    sequence.outputs.length = 0;
    // The last sampled token and the draft: each of them is sampled from.
    addOutput(batch, sequence, sequence.tokens.at(-1)!);
    for (const token of sequence.draft) addOutput(batch, sequence, token);
  }
  if (padding.length > 0) addPadding(batch, decoding, padding, Infinity);
}

/** Moves the padding streams whose ids are less than `before` to the batch. */
function addPadding(
  batch: Batch,
  decoding: readonly Sequence[],
  padding: KvStream[],
  before: number,
): void {
  while (padding[0] !== undefined && padding[0].id < before) {
    const { id, tokens } = padding.shift()!;
    // Where images have two dimensions, this is a later position than that of the last token.
    batch.add(decoding[0]!.tokens.at(-1)!, tokens.length, id, false);
  }
}

/** Adds the next token of a sequence, which is sampled from. */
function addOutput(batch: Batch, { outputs, stream, media }: Sequence, token: number): void {
  const { id, tokens } = stream!;
  outputs.push(batch.add(token, media.positionAt(tokens.length), id, true));
  tokens.push(token);
}

/**
 * A prompt up to this factor over the budget is computed at once, because a small remainder is slow
 * by itself.
 */
const MAX_BUDGET_EXCESS = 1.5;

/** How prompts are computed. */
export interface PrefillWay {
  /** Decoding sequences whose next token is in the batch too, without drafts. */
  readonly riders: readonly Sequence[];
  /** Whether all sequences share one KV buffer. */
  readonly isUnified: boolean;
  /** Rows that kernels compute together: see `PromptRows`. */
  readonly rowGroup: number;
  /**
   * Number of equal parts of the batch of which each prompt gets one, so that they are complete together; 0 for
   * whole prompts in turn.
   */
  readonly parts?: number;
}

const PLAIN: PrefillWay = { riders: [], isUnified: false, rowGroup: ROW_GROUP };

/**
 * Rows from which a batch with an incomplete group takes longer than its full groups and the rest apart.
 * Below, each batch mostly reads the weights.
 */
const MIN_ALIGNED = 32;

/** The prompts of a batch. */
export interface PrefillSelection {
  /** The sequences that have a chunk in the batch. */
  readonly sequences: readonly Sequence[];
  /** Those of them whose last rows are left for the next batch, because they fill no group. */
  readonly tails: readonly Sequence[];
}

/**
 * Fills a batch with prompt chunks of at most `budget` tokens in total. A prompt is split only if
 * it is longer than the batch, or if most of the batch would stay empty: libllama computes
 * streams together only up to the shortest, so the beginning of another prompt splits the batch
 * in two. In a buffer that all sequences share, libllama takes the tokens as they come (`split_simple`
 * in llama-batch.cpp), so the batch is filled. Where kernels compute large groups of rows, the last rows of
 * a prompt that fill no group are left for a batch of their own.
 * @param maxOutputs maximum outputs of a batch; each prompt needs one for its last token.
 */
export function addPrefillChunks(
  batch: Batch,
  prompts: readonly Sequence[],
  budget: number,
  now: number,
  maxOutputs: number,
  { riders, isUnified, rowGroup, parts = 0 }: PrefillWay = PLAIN,
): PrefillSelection {
  addDecodeTokens(batch, riders, []);
  let room = Math.min(budget, batch.room);
  let outputs = maxOutputs - prompts.length - riders.length;
  const share = parts > 0 ? evenShare(room, parts, rowGroup) : Infinity;
  const chunks: Chunk[] = [];
  for (const sequence of byPriority(prompts, now)) {
    // A paused sequence is computed up to its last token, because other sequences may wait for its
    // prompt.
    const left = sequence.paused ? sequence.remaining - 1 : sequence.remaining;
    const { tokens: held, planned } = sequence.stream!;
    // A checkpoint is made of the state at the end of a batch. Rows of images have batches of their own.
    const end = Math.min(planned[0] ?? Infinity, sequence.media.nextRow(held.length));
    const whole = Math.min(left, end - held.length);
    const wanted = Math.min(whole, share);
    if (wanted <= 0) continue;
    const isFirst = chunks.length === 0;
    if (isFirst && wanted <= Math.min(budget * MAX_BUDGET_EXCESS, batch.room)) {
      room = Math.max(room, wanted);
    }
    if (room === 0 || (!isUnified && wanted > room && room < budget / 2)) break;
    let count = wanted <= room ? wanted : isUnified ? room : wholeGroups(room);
    if (sequence.scoresPrompt) {
      count = Math.min(count, isFirst ? Math.max(outputs, 1) : outputs);
      if (count <= 0) continue;
      outputs -= count;
    }
    room -= count;
    const chunk = { sequence, count, isWhole: count === whole };
    chunks.push(isUnified ? chunk : aligned(chunk, count, rowGroup));
  }
  // In a shared buffer the rows of the batch count, not those of each prompt.
  if (isUnified && chunks.length > 0) {
    const rows = chunks.reduce((sum, { count }) => sum + count, batch.length);
    chunks.push(aligned(chunks.pop()!, rows, rowGroup));
  }
  for (const { sequence, count } of chunks.toSorted((a, b) => byStream(a.sequence, b.sequence))) {
    addChunk(batch, sequence, count);
  }
  return {
    sequences: chunks.map(({ sequence }) => sequence),
    tails: chunks.filter(({ isCut }) => isCut).map(({ sequence }) => sequence),
  };
}

/** The next tokens of a prompt. */
interface Chunk {
  readonly sequence: Sequence;
  readonly count: number;
  /** Whether these are all tokens up to the end of the prompt or the next checkpoint. */
  readonly isWhole: boolean;
  /** Whether the last rows were left out. */
  readonly isCut?: boolean;
}

/** Groups of rows in an equal part, at least: smaller parts take longer than whole prompts in turn. */
const MIN_SHARE_GROUPS = 2;

/** Rows of equal parts of a batch in whole groups; infinite if they would be too small. */
function evenShare(rows: number, parts: number, group: number): number {
  const groups = Math.floor(rows / parts / group);
  return groups < MIN_SHARE_GROUPS ? Infinity : groups * group;
}

/** Leaves out the last rows of a chunk, if the rows of its batch fill no group and take less time apart. */
function aligned(chunk: Chunk, rows: number, group: number): Chunk {
  const excess = group > ROW_GROUP && rows > MIN_ALIGNED ? rows % group : 0;
  if (excess === 0 || excess >= chunk.count) return chunk;
  return { ...chunk, count: chunk.count - excess, isCut: chunk.isWhole };
}

/** Rounds down to whole row groups; keeps less than one group. */
function wholeGroups(rows: number): number {
  return rows - rows % ROW_GROUP || rows;
}

/** Adds the next tokens of a prompt. The last token of the prompt is sampled from. */
function addChunk(batch: Batch, sequence: Sequence, count: number): void {
  const stream = sequence.stream!;
  const { tokens } = sequence;
  sequence.draft = [];
  sequence.outputs.length = 0;
  sequence.promptOutputs.length = 0;
  const from = stream.tokens.length;
  const firstScored = Math.max(sequence.scoredTokens, 1) - 1;
  // No row is in between.
  const position = sequence.media.positionAt(from) - from;
  for (let at = from; at < from + count; at++) {
    const isLast = at === tokens.length - 1;
    // The output of a token gives the log probability of the next token.
    const isScored = sequence.scoresPrompt && at >= firstScored &&
      at < sequence.promptLength - 1;
    const index = batch.add(tokens[at]!, position + at, stream.id, isLast || isScored);
    if (isLast) sequence.outputs.push(index);
    if (isScored) sequence.promptOutputs.push(index);
    stream.tokens.push(tokens[at]!);
  }
}
