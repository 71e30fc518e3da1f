import type { Context } from "../../../ffi/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { KvStream, PrefixCache } from "./prefix_cache.ts";
import type { Notice, SequenceRequest } from "../protocol/mod.ts";
import type { SessionStore } from "./session_store.ts";

/** What a session that a request names is worth to it. */
export interface OpenedSession {
  /** The tokens whose state was kept; null where there are none to be used. */
  readonly tokens: readonly number[] | null;
  /** Why not, where there was a session. */
  readonly notice: Notice | null;
}

/** What a session needs to know of the sequence that uses it. */
export interface SessionSequence {
  readonly session: OpenedSession;
  readonly request: SequenceRequest;
  readonly promptLength: number;
  readonly cachedTokens: number;
  readonly tokens: readonly number[];
  readonly notices: Notice[];
  readonly stream: KvStream | null;
  readonly adapters: { readonly key: string };
  readonly isShifted: boolean;
}

const NO_SESSION: OpenedSession = { tokens: null, notice: null };

/** Brings the states of named sessions into the prefix cache, and out of it to disk. */
export class SessionCache {
  readonly #store: SessionStore | null;
  readonly #context: Pick<Context, "saveSequence">;
  readonly #cache: PrefixCache;

  /** @param store null where no folder for sessions was given. */
  constructor(
    store: SessionStore | null,
    context: Pick<Context, "saveSequence">,
    cache: PrefixCache,
  ) {
    this.#store = store;
    this.#context = context;
    this.#cache = cache;
  }

  /**
   * Makes the state that a request's session was left in known to the prefix cache.
   * @param scope what the request is computed with beside the model.
   * @throws {ShimmyError} `invalid` where no sessions are kept.
   */
  open({ session: name }: SequenceRequest, scope: string): OpenedSession {
    if (name === undefined) return NO_SESSION;
    if (this.#store === null) {
      throw new ShimmyError("invalid", "session: sessions are not kept here", { field: "session" });
    }
    const found = this.#store.find(name, scope);
    switch (found.status) {
      case "found":
        this.#cache.insertState(found.session.tokens, found.session.state, scope);
        return { tokens: found.session.tokens, notice: null };
      case "missing":
        return NO_SESSION;
      case "incompatible":
        return notReused("it was kept with another model, adapter, cache type or library");
      case "unreadable":
        return notReused("what was kept of it cannot be read", found.reason);
    }
  }

  /** Takes note of whether a sequence that has just got its stream has its session's state in it. */
  begin({ session, cachedTokens, request, promptLength, tokens, notices }: SessionSequence): void {
    const kept = session.tokens;
    if (kept === null || cachedTokens > 0 || request.cachePrompt === false) return;
    if (request.promptLogprobs !== undefined) return;
    // The last token of a prompt is always computed.
    const usable = Math.min(kept.length, promptLength - 1);
    const goesOn = usable > 0 && kept.every((token, at) => at >= usable || token === tokens[at]);
    const { notice } = goesOn
      ? notReused("its state could not be restored")
      : notReused("the prompt does not go on from what was kept");
    if (notice !== null) notices.push(notice);
  }

  /** Keeps the state a sequence ends in. If that fails, the sequence tells of it and is right all the same. */
  save({ request, stream, adapters, notices, isShifted }: SessionSequence): void {
    if (request.session === undefined || stream === null || stream.tokens.length === 0) return;
    if (isShifted) {
      notices.push({ message: "session: it could not be saved: its context was shifted" });
      return;
    }
    try {
      const state = this.#context.saveSequence(stream.id);
      this.#store?.save(request.session, { tokens: stream.tokens, state }, adapters.key);
    } catch (error) {
      notices.push({
        message: `session: it could not be saved: ${reasonOf(error)}`,
        detail: messageOf(error),
      });
    }
  }
}

function notReused(why: string, detail?: string): OpenedSession {
  const message = `session: ${why}, so the prompt was recomputed`;
  return { tokens: null, notice: { message, ...(detail === undefined ? {} : { detail }) } };
}

/** What a client may know of a failure: the system's own message names paths. */
function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full";
  const { PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof PermissionDenied || error instanceof NotCapable) {
    return "the server may not write there";
  }
  return "the server cannot write its file";
}
