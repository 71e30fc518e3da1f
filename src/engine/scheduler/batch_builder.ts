import type { Batch } from "../../../ffi/mod.ts";
import { byPriority } from "./priority.ts";
import type { KvStream } from "../kv_cache/mod.ts";
import { ROW_GROUP } from "../native/mod.ts";
import type { Sequence } from "./sequence.ts";

/**
 * The order of sequences in a batch: libllama computes them together only where each one's id follows
 * that of the one before it (`split_equal` in llama-batch.cpp), and else one after the other.
 */
export const byStream = (a: Sequence, b: Sequence) => a.stream!.id - b.stream!.id;

/**
 * Fills a batch with the next token of every answer, and with what may follow it.
 *
 * @param answers in the order of their streams
 * @param paddingStreams streams that get a row which nobody wants: see `PaddingRows`
 */
export function addDecodeTokens(
  batch: Batch,
  answers: readonly Sequence[],
  paddingStreams: readonly KvStream[],
): void {
  batch.clear();
  const unused = paddingStreams.toSorted((a, b) => a.id - b.id);
  const addUnused = (before: number) => {
    while (unused[0] !== undefined && unused[0].id < before) {
      const { id, tokens } = unused.shift()!;
      batch.add(answers[0]!.tokens.at(-1)!, tokens.length, id, false);
    }
  };
  for (const sequence of answers) {
    const stream = sequence.stream!;
    addUnused(stream.id);
    sequence.outputs.length = 0;
    // The token that was sampled last and the draft: each of them is sampled from.
    for (const token of [sequence.tokens.at(-1)!, ...sequence.draft]) {
      sequence.outputs.push(batch.add(token, stream.tokens.length, stream.id, true));
      stream.tokens.push(token);
    }
  }
  addUnused(Infinity);
}

/** A prompt that needs little more than its share gets it: what would be left is dear by itself. */
const STRETCH = 1.5;

/**
 * Fills a batch with chunks of prompts, at most `share` tokens in all. A prompt is cut where it is too long
 * for a batch, or most of one would stay empty: libllama computes sequences together only as far as the
 * shortest goes, so that the beginning of another one splits the batch in two.
 * @param maxOutputs outputs that a batch may have; each prompt needs one for its last token.
 * @returns the sequences that have a part in it.
 */
export function addPrefillChunks(
  batch: Batch,
  prompts: readonly Sequence[],
  share: number,
  now: number,
  maxOutputs: number,
): readonly Sequence[] {
  batch.clear();
  let room = Math.min(share, batch.room);
  let outputs = maxOutputs - prompts.length;
  const chunks: { sequence: Sequence; count: number }[] = [];
  for (const sequence of byPriority(prompts, now)) {
    // A paused one is computed up to its last token, as others may be waiting for its prompt.
    const wanted = sequence.paused ? sequence.remaining - 1 : sequence.remaining;
    if (wanted <= 0) continue;
    const isFirst = chunks.length === 0;
    if (isFirst && wanted <= Math.min(share * STRETCH, batch.room)) room = Math.max(room, wanted);
    if (wanted > room && room < share / 2) break;
    let count = wanted <= room ? wanted : wholeGroups(room);
    if (sequence.scoresPrompt) {
      count = Math.min(count, isFirst ? Math.max(outputs, 1) : outputs);
      if (count <= 0) continue;
      outputs -= count;
    }
    room -= count;
    chunks.push({ sequence, count });
  }
  for (const { sequence, count } of chunks.toSorted((a, b) => byStream(a.sequence, b.sequence))) {
    addChunk(batch, sequence, count);
  }
  return chunks.map(({ sequence }) => sequence);
}

/** As many of so many rows as fill groups; all where there is none. */
function wholeGroups(rows: number): number {
  return rows - rows % ROW_GROUP || rows;
}

/** The next tokens of a prompt; the last of all its tokens is the one to sample from. */
function addChunk(batch: Batch, sequence: Sequence, count: number): void {
  const stream = sequence.stream!;
  const { tokens } = sequence;
  sequence.draft = [];
  sequence.outputs.length = 0;
  sequence.promptOutputs.length = 0;
  const from = stream.tokens.length;
  const firstScored = Math.max(sequence.scoredTokens, 1) - 1;
  for (let position = from; position < from + count; position++) {
    const isLast = position === tokens.length - 1;
    // The output of a token tells the log probability of the token after it.
    const isScored = sequence.scoresPrompt && position >= firstScored &&
      position < sequence.promptLength - 1;
    const index = batch.add(tokens[position]!, position, stream.id, isLast || isScored);
    if (isLast) sequence.outputs.push(index);
    if (isScored) sequence.promptOutputs.push(index);
    stream.tokens.push(tokens[position]!);
  }
}
