import type { Batch } from "../../ffi/mod.ts";
import { inTurn, type PromptShare } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";
import type { Speculation } from "./speculation.ts";

/**
 * Fills a batch: the next token of every answer first, with what may follow it, then chunks of prompts.
 * Nobody's answer waits for somebody's prompt.
 *
 * @returns how many of the batch's tokens are of prompts.
 */
export function fillBatch(
  batch: Batch,
  sequences: readonly Sequence[],
  share: PromptShare,
  speculation: Speculation,
  now: number,
): number {
  batch.clear();
  const prompts: Sequence[] = [];
  const answers: Sequence[] = [];
  for (const sequence of sequences) {
    if (sequence.remaining > 1) prompts.push(sequence);
    else if (!sequence.paused) answers.push(sequence);
  }
  // A prompt that waits is worth more than tokens that may be wrong.
  const spare = prompts.length > 0 ? 0 : batch.capacity - answers.length;
  speculation.draft(answers, spare);
  for (const sequence of answers) addAnswer(batch, sequence);
  return addPrompts(batch, prompts, share.size(batch.capacity, answers.length), now);
}

/** The token that was sampled last and the draft: each of them is sampled from. */
function addAnswer(batch: Batch, sequence: Sequence): void {
  const stream = sequence.stream!;
  for (const token of [sequence.tokens.at(-1)!, ...sequence.draft]) {
    sequence.outputs.push(batch.add(token, stream.tokens.length, stream.id, true));
    stream.tokens.push(token);
  }
}

function addPrompts(
  batch: Batch,
  prompts: readonly Sequence[],
  share: number,
  now: number,
): number {
  let left = share;
  for (const sequence of prompts.length > 1 ? inTurn(prompts, now) : prompts) {
    // A paused one is computed up to its last token, as others may be waiting for its prompt.
    const wanted = sequence.paused ? sequence.remaining - 1 : sequence.remaining;
    const count = Math.min(wanted, left, batch.room);
    if (count > 0) addChunk(batch, sequence, count);
    left -= Math.max(0, count);
  }
  return share - left;
}

/** The next tokens of a prompt; the last of all its tokens is the one to sample from. */
function addChunk(batch: Batch, sequence: Sequence, count: number): void {
  const stream = sequence.stream!;
  const { tokens } = sequence;
  sequence.draft = [];
  const from = stream.tokens.length;
  for (let position = from; position < from + count; position++) {
    const isLast = position === tokens.length - 1;
    const index = batch.add(tokens[position]!, position, stream.id, isLast);
    if (isLast) sequence.outputs.push(index);
    stream.tokens.push(tokens[position]!);
  }
}
