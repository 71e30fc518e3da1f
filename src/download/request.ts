/** Redirects that are followed; browsers stop at about as many. */
const MAX_REDIRECTS = 10;

/** A secret for one server. */
export interface Authorization {
  /** The only origin it is sent to: redirects lead to hosts that must not see it. */
  readonly origin: string;
  /** The header's value, e.g. `Bearer …`. */
  readonly value: string;
}

/** A failure that another attempt cannot mend. */
export class Refusal extends Error {}

/** What comes is not what was asked for: what is there of it is worth nothing. */
export class WrongFile extends Refusal {}

/**
 * `fetch` that follows redirects itself: the authorization goes to its own origin alone, and what began
 * with encryption goes on with it.
 *
 * @throws {Refusal} where redirects lead round in circles or to where nothing may be fetched from
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
    const response = await fetch(at, { headers: sent, redirect: "manual", signal: signal ?? null });
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, at);
    if (next.protocol !== at.protocol && next.protocol !== "https:") {
      throw new Refusal("the server redirects to an address without encryption");
    }
    at = next;
  }
  throw new Refusal("the server redirects without end");
}

/** Ends a request whose bytes stop coming. */
export class StallTimer {
  readonly #controller = new AbortController();
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout>;
  readonly signal: AbortSignal;

  /** @param ms milliseconds without a byte */
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
