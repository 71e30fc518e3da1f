import type { StoredState } from "../disk_cache/mod.ts";
import type { SharedCacheLocation } from "../protocol/mod.ts";
import type { SharedQuery } from "./state_key.ts";

/** Name of the thread that reads and writes shared states. */
export const SHARED_STATES_THREAD = "shimmy-shared-states";

/** What a prompt needs of the shared states. */
export interface FindRequest extends SharedQuery {
  /** Everything besides the model's files that makes a state unusable for another context. */
  readonly identity: string;
  /** Tokens of the prompt that are known already. */
  readonly known: number;
  /** Milliseconds to compute a token of a prompt; 0 if not known. */
  readonly msPerToken: number;
  /** Maximum bytes of a state. */
  readonly mostBytes: number;
}

/** A state for other servers. */
export interface PublishRequest {
  readonly identity: string;
  readonly scope: string;
  readonly stored: StoredState;
  /** Keys of states that this one has all tokens of. */
  readonly replaced: readonly string[];
}

/** What was found for a prompt. */
export interface FindResult {
  /** Null if there is no state that saves time. */
  readonly found: { readonly key: string; readonly stored: StoredState } | null;
  readonly bytes: number;
  /** Milliseconds until it was known which states there are. */
  readonly lookupMs: number;
  /** Whether a state was damaged or made with another secret. */
  readonly isDamaged: boolean;
}

/** A state that other servers can find. */
export interface PublishResult {
  readonly key: string;
  /** Bytes that were written; 0 if the state was there already. */
  readonly bytes: number;
}

/** A session was deleted. */
export interface DeleteResult {
  /** Number of objects that had it. */
  readonly deleted: number;
}

/** A session that another server may have saved. */
export interface FindSessionRequest {
  readonly identity: string;
  readonly scope: string;
  readonly name: string;
  /** Version of the session that this server has; 0: none. */
  readonly own: number;
  /** Maximum bytes of its state. */
  readonly mostBytes: number;
}

/** What the store has of a session. */
export interface FindSessionResult {
  /** Null if there is none, if none can be used, or if none is newer than the one that the server has. */
  readonly stored: StoredState | null;
  readonly bytes: number;
  /** The highest version that the store has; 0: none. The next one must be higher. */
  readonly newest: number;
  /** Version at which the session was deleted on all servers; 0: never. Older ones are gone. */
  readonly deletedAt: number;
  /** Why the newest one is not used; null if there is none that is newer, or if it is used. */
  readonly unusable: "damaged" | "large" | "incompatible" | null;
}

/** A session for other servers. */
export interface SaveSessionRequest {
  readonly identity: string;
  readonly scope: string;
  readonly name: string;
  /** With its version, `savedAt`. */
  readonly stored: StoredState;
}

/** Messages to the thread. The first one is `open`. */
export type ToKeeper =
  | {
    readonly type: "open";
    readonly location: SharedCacheLocation;
    readonly modelPaths: readonly string[];
  }
  | { readonly type: "find"; readonly id: number; readonly request: FindRequest }
  | { readonly type: "find-session"; readonly id: number; readonly request: FindSessionRequest }
  /** Nothing waits for the answer any more. */
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "publish"; readonly id: number; readonly request: PublishRequest }
  | { readonly type: "save-session"; readonly id: number; readonly request: SaveSessionRequest }
  /** Deletes the session of any model. */
  | { readonly type: "delete-session"; readonly id: number; readonly name: string };

/** The result of a message with a number. */
export type KeeperResult = FindResult | FindSessionResult | PublishResult | DeleteResult;

/** Messages of the thread: one for each message with a number, and others. */
export type FromKeeper =
  /** The model's files are read: from now on, states can be found. */
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly id: number; readonly result: KeeperResult }
  /** The reason can follow "because". Without an id, the model's files cannot be read. */
  | { readonly type: "failed"; readonly id: number | null; readonly reason: string };
