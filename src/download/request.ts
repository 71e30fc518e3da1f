import { connectionError } from "./connection_error.ts";

/** Maximum number of redirects, similar to browsers. */
const MAX_REDIRECTS = 10;

/** Credentials for one server. */
export interface Authorization {
  /**
   * The only origin that receives the header. Hosts that the server redirects to must not see it.
   */
  readonly origin: string;
  /** The header's value, for example `Bearer …`. */
  readonly value: string;
}

/** A failure that a retry cannot solve. */
export class PermanentError extends Error {}

/** The server sent a different file, so the bytes so far are useless. */
export class UnexpectedFileError extends PermanentError {}

/**
 * Sends a request and follows redirects. The authorization goes only to its own origin, and an
 * encrypted request is never redirected to an unencrypted one.
 *
 * @throws {PermanentError} For a redirect loop or a forbidden redirect.
 * @throws {ConnectionError} With the host and the reason.
 */
export async function request(
  url: string | URL,
  { headers, authorization, signal }: {
    readonly headers?: HeadersInit | undefined;
    readonly authorization?: Authorization | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Response> {
  let at = new URL(url);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const sent = new Headers(headers);
    if (authorization?.origin === at.origin) sent.set("authorization", authorization.value);
    const response = await fetch(at, { headers: sent, redirect: "manual", signal: signal ?? null })
      .catch((error) => {
        throw connectionError(error, at, (name) => Deno.env.get(name));
      });
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, at);
    if (next.protocol !== at.protocol && next.protocol !== "https:") {
      throw new PermanentError("the server redirects to an unencrypted URL");
    }
    at = next;
  }
  throw new PermanentError("the server redirects too often");
}

/** Aborts a request that receives no bytes for some time. */
export class StallTimer {
  readonly #controller = new AbortController();
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout>;
  readonly signal: AbortSignal;

  /** @param ms Milliseconds without a byte. */
  constructor(ms: number, signal: AbortSignal | undefined) {
    this.#ms = ms;
    this.#timer = this.#start();
    this.signal = signal
      ? AbortSignal.any([signal, this.#controller.signal])
      : this.#controller.signal;
  }

  get stalled(): boolean {
    return this.#controller.signal.aborted;
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#controller.abort(), this.#ms);
  }

  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
