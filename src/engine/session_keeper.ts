import type { Context } from "../../ffi/mod.ts";
import { messageOf, ShimmyError } from "../errors.ts";
import type { PrefixCache } from "./prefix_cache.ts";
import type { SequenceRequest } from "./protocol.ts";
import type { Sequence } from "./sequence.ts";
import type { SessionStore } from "./sessions.ts";

/** Brings the states of named sessions into the prefix cache, and out of it to disk. */
export class SessionKeeper {
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
  open({ session }: SequenceRequest, scope: string): void {
    if (session === undefined) return;
    if (this.#store === null) {
      throw new ShimmyError("invalid", "session: sessions are not kept here", { field: "session" });
    }
    const saved = this.#store.load(session + scope);
    if (saved !== null) this.#cache.adopt(saved.tokens, saved.state, scope);
  }

  /** Keeps the state a sequence ends in. If that fails, what it cost to compute is lost and nothing else. */
  save({ request, stream, adapters, isShifted }: Sequence): void {
    if (request.session === undefined || isShifted) return;
    if (stream === null || stream.tokens.length === 0) return;
    const state = this.#context.saveSequence(stream.id);
    try {
      this.#store?.save(request.session + adapters.key, { tokens: stream.tokens, state });
    } catch (error) {
      console.error(`A session could not be saved: ${messageOf(error)}`);
    }
  }
}
