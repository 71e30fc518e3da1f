import type { StoredMedia } from "./row_names.ts";
import type { TokenMarks } from "./token_marks.ts";

/** What a state was computed with. */
export interface StateOrigin {
  /** Everything that makes a state unusable for another model, KV cache type or library. */
  readonly fingerprint: string;
  /** What the tokens were computed with besides the model, such as adapters. */
  readonly scope: string;
}

/** The head of a file. */
export interface StateHead extends StateOrigin {
  readonly marks: TokenMarks;
  readonly checkpointBytes: readonly number[];
  readonly stateBytes: number;
  /** The media files among the tokens; absent without media files. */
  readonly media?: readonly StoredMedia[];
  /** Version of a session; absent in other states. */
  readonly savedAt?: number;
}

/**
 * Whether a value is a head. The checksum shows damage, but not a file that another program made.
 */
export function isStateHead(value: unknown): value is StateHead {
  if (!isObject(value)) return false;
  const { fingerprint, scope, marks, checkpointBytes, stateBytes, media = [], savedAt = 0 } = value;
  if (typeof fingerprint !== "string" || typeof scope !== "string") return false;
  if (!isCount(stateBytes) || !isListOf(checkpointBytes, isCount) || !isMarks(marks)) return false;
  if (!isListOf(media, isStoredMedia) || !isCount(savedAt)) return false;
  return marks.checkpoints.length === checkpointBytes.length;
}

function isStoredMedia(value: unknown): value is StoredMedia {
  if (!isObject(value) || typeof value.name !== "string") return false;
  return [value.at, value.rows, value.count, value.offset].every(isCount);
}

function isMarks(value: unknown): value is TokenMarks {
  if (!isObject(value)) return false;
  const { length, whole, blocks, checkpoints } = value;
  if (!isCount(length) || !isCount(whole) || !isListOf(blocks, isCount)) return false;
  if (!isListOf(checkpoints, (one) => isListOf(one, isCount) && one.length === 2)) return false;
  return (checkpoints as readonly number[][]).every(([position]) => position! <= length);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[];
function isListOf(value: unknown, isItem: (item: unknown) => boolean): value is unknown[];
function isListOf(value: unknown, isItem: (item: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(isItem);
}
