/**
 * State of a sequence at an earlier position, for a memory that cannot be truncated: the state of recurrent
 * layers, or the cells of a sliding window. Restoring it returns the sequence to that position.
 */
export interface Checkpoint {
  /** Number of tokens before this state. */
  readonly position: number;
  readonly state: Uint8Array<ArrayBuffer>;
  lastUsed: number;
}

/** Computing fewer tokens again costs about as much as a checkpoint. */
export const MIN_CHECKPOINT_GAP = 32;
/** Maximum number of message boundaries near the end of a prompt that get a checkpoint. */
const MAX_BOUNDARIES = 3;
/** Tokens between checkpoints of a long prompt, and the maximum number of these checkpoints. */
const STEP = 512;
const MAX_STEPS = 8;

/**
 * Plans the checkpoints of a prompt: before the last token, for a repeated prompt; at the last message
 * boundaries, after which templates and edits change the text; and at regular distances.
 *
 * @param length tokens of the prompt
 * @param boundaries positions of message boundaries, ascending
 * @returns ascending positions
 */
export function planCheckpoints(length: number, boundaries: readonly number[]): number[] {
  const last = length - 1;
  if (last < MIN_CHECKPOINT_GAP) return [];
  const planned = [last];
  let next = last;
  for (const boundary of boundaries.toReversed()) {
    if (planned.length > MAX_BOUNDARIES || boundary < MIN_CHECKPOINT_GAP) break;
    // The generation prompt is short; the boundary before it is used at any distance.
    if (planned.length > 1 && next - boundary < MIN_CHECKPOINT_GAP) continue;
    if (boundary >= next) continue;
    planned.push(boundary);
    next = boundary;
  }
  const step = Math.max(STEP, Math.ceil(next / MAX_STEPS / STEP) * STEP);
  for (let at = step; at <= next - MIN_CHECKPOINT_GAP; at += step) planned.push(at);
  return planned.sort((a, b) => a - b);
}

/** A stream that checkpoints are planned for. */
interface PlannedStream {
  readonly tokens: readonly number[];
  readonly checkpoints: readonly Checkpoint[];
  /** Ascending positions. */
  planned: number[];
}

/** Plans a checkpoint at a position that the stream has not reached yet. */
export function planCheckpoint(stream: PlannedStream, position: number): void {
  if (stream.planned.includes(position)) return;
  stream.planned = [...stream.planned, position].sort((a, b) => a - b);
}

/**
 * Plans the checkpoints of a prompt in its stream, which holds a prefix.
 * @param shared tokens in common with another prompt: later prompts may branch there too.
 */
export function planPrompt(
  stream: PlannedStream,
  length: number,
  boundaries: readonly number[],
  shared: number,
): void {
  const held = stream.tokens.length;
  stream.planned = planCheckpoints(length, boundaries).filter((position) => position > held);
  const branch = Math.min(shared, length - 1);
  const isNear = stream.checkpoints.some(({ position }) =>
    position <= branch && branch - position < MIN_CHECKPOINT_GAP
  );
  if (branch >= held + MIN_CHECKPOINT_GAP && !isNear) planCheckpoint(stream, branch);
}

/** Positions of a prompt where a control token follows text: chat templates begin and end messages there. */
export function messageBoundaries(
  tokens: readonly number[],
  isControl: (token: number) => boolean,
): number[] {
  const boundaries: number[] = [];
  tokens.forEach((token, at) => {
    if (at > 0 && isControl(token) && !isControl(tokens[at - 1]!)) boundaries.push(at);
  });
  return boundaries;
}
