import type { Batch } from "../../../ffi/mod.ts";
import type { KvStream } from "../kv_cache/mod.ts";
import { MediaBatch } from "../media/mod.ts";
import { addDecodeTokens, addPrefillChunks, inOrder } from "./batch_builder.ts";
import type { BatchSelection } from "./batch_policy.ts";
import type { GenerationContext } from "./generation.ts";
import type { LoopParts } from "./loop_parts.ts";
import { byPriority, type PrefillBudget } from "./order/priority.ts";
import type { Sequence } from "./sequence.ts";

/** The batch of a step. */
export interface StepBatch {
  readonly batch: Batch | MediaBatch;
  /** The sequences in it. */
  readonly members: readonly Sequence[];
  /** Idle streams with a padding row in it. */
  readonly paddingStreams: readonly KvStream[];
}

/** What a batch is built with. */
export interface BatchMeans {
  readonly model: GenerationContext;
  readonly parts: LoopParts;
  readonly prefillBudget: PrefillBudget;
  readonly cache: { readonly idleStreams: readonly KvStream[] };
}

/** Builds the batch of the selected sequences. */
export function buildBatch(
  selection: BatchSelection<Sequence>,
  means: BatchMeans,
  now: number,
): StepBatch {
  if (!selection.isPrefill) return decodeBatchOf(inOrder(selection.sequences), means);
  const first = selection.sequences.some(({ isAtMedia }) => isAtMedia)
    ? byPriority(selection.sequences, now)[0]!
    : null;
  return first?.isAtMedia
    ? mediaBatchOf(first, selection, means)
    : prefillBatchOf(selection, means, now);
}

function prefillBatchOf(
  selection: BatchSelection<Sequence>,
  { model, parts: { batch, policy }, prefillBudget }: BatchMeans,
  now: number,
): StepBatch {
  const { sequences, riders, decoding, burstSize = 0 } = selection;
  for (const rider of riders) rider.draft = [];
  const { maxOutputs, kvUnified: isUnified, promptRows } = model;
  const waiting = burstSize > 0 ? 0 : decoding;
  const budget = prefillBudget.size(waiting, sequences.length, promptRows.most);
  const way = { riders, isUnified, rowGroup: promptRows.group, parts: burstSize };
  const prompts = addPrefillChunks(batch, sequences, budget, now, maxOutputs, way);
  policy.continueWith(prompts.tails);
  return { batch, members: [...riders, ...prompts.sequences], paddingStreams: [] };
}

/** A batch with rows of one image. */
function mediaBatchOf(
  sequence: Sequence,
  { sequences, decoding }: BatchSelection<Sequence>,
  { model: { context, promptRows }, prefillBudget }: BatchMeans,
): StepBatch {
  const budget = prefillBudget.size(decoding, sequences.length, promptRows.most);
  sequence.draft = [];
  sequence.outputs.length = 0;
  sequence.promptOutputs.length = 0;
  const batch = new MediaBatch(sequence, Math.min(budget, context.batchSize));
  return { batch, members: [sequence], paddingStreams: [] };
}

/** @param decoding sequences in the order of their streams */
function decodeBatchOf(
  decoding: readonly Sequence[],
  { parts: { speculation, batch, undo, padding }, cache }: BatchMeans,
): StepBatch {
  speculation.draft(decoding, batch.capacity - decoding.length);
  for (const { draft, stream } of decoding) if (draft.length > 0) undo.prepare(stream!);
  const paddingStreams = padding === null ? [] : choosePadding(decoding, padding, cache);
  addDecodeTokens(batch, decoding, paddingStreams);
  return { batch, members: decoding, paddingStreams };
}

/** A single sequence needs no padding, and drafts already fill row groups. */
function choosePadding(
  decoding: readonly Sequence[],
  padding: NonNullable<LoopParts["padding"]>,
  cache: BatchMeans["cache"],
): readonly KvStream[] {
  if (decoding.length < 2 || decoding.some(({ draft }) => draft.length > 0)) return [];
  const streams = decoding.map((sequence) => sequence.stream!);
  const longest = Math.max(...streams.map(({ tokens }) => tokens.length));
  return padding.choose(streams.map(({ id }) => id), cache.idleStreams, longest);
}
