import type { Context } from "../../../ffi/mod.ts";
import type { Checkpoint } from "./checkpoints.ts";
import type { SavedState } from "./host_states.ts";
import { positionAt, wholeLength } from "./positions.ts";

/** A stream of the KV cache: the cells of one sequence. */
export interface KvStream {
  /** Sequence id in libllama. */
  readonly id: number;
  /** Tokens in the KV cache. Their positions are those of `positionAt`. */
  readonly tokens: number[];
  /** Scope of the tokens: see `PrefixCache.acquire`. */
  scope: string;
  busy: boolean;
  lastUsed: number;
  /** Checkpoints of these tokens, by ascending position. */
  checkpoints: Checkpoint[];
  /** Positions of the prompt at which checkpoints will be made, ascending. */
  planned: number[];
}

/** What holds cached tokens: a stream, or a state in host memory. */
export type Holder = KvStream | SavedState;

export const isStream = (holder: Holder): holder is KvStream => "busy" in holder;

/** The parts of a context that the cache uses. */
export type KvMemory = Pick<
  Context,
  | "removeTokens"
  | "copySequence"
  | "saveSequence"
  | "restoreSequence"
  | "saveCheckpoint"
  | "restoreCheckpoint"
  | "firstPosition"
  | "stateBytes"
  | "streams"
>;

/** A cached prefix: its holder, its length in tokens, and the checkpoint to restore. */
export interface CachedPrefix {
  readonly holder: Holder;
  readonly length: number;
  /** Null if the memory can be truncated at that length, or holds exactly the prefix. */
  readonly checkpoint: Checkpoint | null;
}

/** What a prefix cache is made for. */
export interface PrefixCacheOptions {
  readonly streams: number;
  /**
   * Whether the end of a sequence can be removed from the KV cache. Recurrent models do not support it;
   * their sequences return to checkpoints.
   */
  readonly canTruncate: boolean;
  /**
   * Tokens of a sliding window: a sequence can be truncated while it holds the window before the cut. A state
   * holds the last window only, also that of a sequence with all cells. 0 for none.
   */
  readonly window: number;
  /** Maximum bytes of saved states and checkpoints in host memory. */
  readonly savedBytes: number;
  /** Receives states that host memory does not hold, if they can be kept elsewhere. */
  readonly spill?: ((state: SavedState) => void) | undefined;
  /** Cells shared by all streams; null if each stream has its own cells. */
  readonly sharedCells: number | null;
  /** Whether rows of an image share positions (M-RoPE). */
  readonly sharesPositions?: boolean;
  /** Whether positions of a running sequence may be shifted. */
  readonly mayShiftPositions: boolean;
}

/**
 * The longest prefix of at most `limit` tokens that a holder can provide.
 * @param byState whether the holder is a state, or a stream that is copied by its state
 */
export function usablePrefix(
  holder: Holder,
  limit: number,
  byState: boolean,
  memory: Pick<KvMemory, "firstPosition">,
  { canTruncate, window, sharesPositions = false }: Pick<
    PrefixCacheOptions,
    "canTruncate" | "window" | "sharesPositions"
  >,
): CachedPrefix {
  const { tokens } = holder;
  const whole = { holder, length: limit, checkpoint: null };
  if (limit === tokens.length) return whole;
  const length = sharesPositions ? wholeLength(tokens, limit) : limit;
  if (canTruncate && window === 0) return { ...whole, length };
  if (window > 0 && !byState && isStream(holder)) {
    const first = memory.firstPosition(holder.id);
    const end = sharesPositions ? positionAt(tokens, length) : length;
    if (first >= 0 && first <= Math.max(0, end - window)) return { ...whole, length };
  }
  const checkpoint = holder.checkpoints.findLast(({ position }) =>
    position <= limit && (!sharesPositions || wholeLength(tokens, position) === position)
  );
  return checkpoint === undefined
    ? { holder, length: 0, checkpoint: null }
    : { holder, length: checkpoint.position, checkpoint };
}
