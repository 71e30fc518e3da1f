import { messageOf, ShimmyError } from "../../errors.ts";
import { connectionError } from "../../download/mod.ts";
import {
  checkApiKey,
  DEFAULT_HOST,
  type SERVER_OPTIONS,
  socketPath,
  UsageError,
  type Values,
} from "../options/mod.ts";

const DEFAULT_PORT = DEFAULT_HOST.replace(/^.*:/, "");
/** Time limit for the head of a response. Unloading a model waits for its process to end. */
const TIMEOUT_MS = 30_000;

/** A request to the server. */
export interface ServerCall {
  readonly method: string;
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Ends the request in addition to the signal of the connection. */
  readonly signal?: AbortSignal;
  /** Time limit for the head of the response; `null`: none. @default {30_000} */
  readonly timeoutMs?: number | null;
}

/** Sends requests to one server, over TCP or a Unix socket. */
export class Connection {
  readonly #base: URL;
  /** Of a Unix socket; null: the URL tells the address. */
  readonly #path: string | null;
  readonly #apiKey: string | null;
  readonly #env: (name: string) => string | undefined;
  readonly #signal: AbortSignal;

  /** @throws {UsageError} for an address that is no URL, and for a key that no header can have. */
  constructor(
    values: Values<typeof SERVER_OPTIONS>,
    { env, signal }: {
      readonly env: (name: string) => string | undefined;
      readonly signal: AbortSignal;
    },
  ) {
    const host = values.host ?? DEFAULT_HOST;
    this.#path = socketPath(host);
    this.#base = this.#path === null ? toUrl(host) : new URL("http://localhost");
    this.#apiKey = values["api-key"];
    if (this.#apiKey) checkApiKey(this.#apiKey);
    this.#env = env;
    this.#signal = signal;
  }

  /** `http://HOST:PORT` of the server, without a slash at its end. */
  get origin(): string {
    return this.#base.origin;
  }

  /** The address for messages: the origin, or `unix:PATH`. */
  get address(): string {
    return this.#path === null ? this.#base.origin : `unix:${this.#path}`;
  }

  /**
   * Sends a request and uses its response, whose body is read within `use`.
   * @throws {ShimmyError} when the server cannot be reached; `cancelled`.
   */
  async send<T>(call: ServerCall, use: (response: Response) => Promise<T>): Promise<T> {
    const path = this.#path;
    // The body of a response must have been read before its client is closed.
    using client = path === null
      ? null
      : Deno.createHttpClient({ proxy: { transport: "unix", path } });
    return await use(await this.#fetch(call, client));
  }

  /** Like `send`, for the items that `use` yields from a response. */
  async *sendStream<T>(
    call: ServerCall,
    use: (response: Response) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    const path = this.#path;
    using client = path === null
      ? null
      : Deno.createHttpClient({ proxy: { transport: "unix", path } });
    yield* use(await this.#fetch(call, client));
  }

  /** An error about this server. */
  failure(reason: string, cause?: unknown): ShimmyError {
    return new ShimmyError("backend", `Cannot use the server at ${this.address}: ${reason}`, {
      cause,
    });
  }

  async #fetch(
    { method, path, body, signal, timeoutMs = TIMEOUT_MS }: ServerCall,
    client: Deno.HttpClient | null,
  ): Promise<Response> {
    const url = new URL(path, this.#base);
    const headers = new Headers();
    if (this.#apiKey !== null) headers.set("authorization", `Bearer ${this.#apiKey}`);
    if (body !== undefined) headers.set("content-type", "application/json");
    const given = [this.#signal, ...(signal === undefined ? [] : [signal])];
    const head = new AbortController();
    const timer = timeoutMs === null ? undefined : setTimeout(() => head.abort(), timeoutMs);
    try {
      return await fetch(url, {
        method,
        headers,
        signal: AbortSignal.any([...given, head.signal]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(client === null ? {} : { client }),
      });
    } catch (error) {
      if (given.some(({ aborted }) => aborted)) {
        throw new ShimmyError("cancelled", "The request was cancelled", { cause: error });
      }
      const reason = head.signal.aborted
        ? `it did not answer within ${TIMEOUT_MS / 1000} s`
        : this.#path === null
        ? messageOf(connectionError(error, url, this.#env))
        : socketReason(error);
      const advice = /TLS certificate/.test(reason)
        ? "set DENO_CERT to a file with the certificate of its authority"
        : "start it with shimmy serve, or set --host";
      throw this.failure(`${reason}; ${advice}`, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Why a Unix socket cannot be used, as a sentence's part. */
function socketReason(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const text = `${message} ${cause === undefined ? "" : messageOf(cause)}`;
  if (/no such file|not found/i.test(text)) return "there is no such socket";
  if (/refused/i.test(text)) return "no server listens on this socket";
  if (/permission|access/i.test(text)) return "this user may not use the socket";
  return "the connection to the socket failed";
}

/** A URL, or an address such as `HOST:PORT`. An address without a port has the default port. */
function toUrl(host: string): URL {
  const isUrl = /^https?:\/\//i.test(host);
  const address = isUrl ? host : `http://${host}`;
  const url = URL.canParse(address) ? new URL(address) : null;
  const hasOtherScheme = !isUrl && host.includes("://");
  if (url === null || url.hostname === "" || hasOtherScheme || /\s/.test(host)) {
    throw new UsageError(
      `--host: must be HOST, HOST:PORT, unix:PATH or an http: or https: URL, not '${host}'`,
    );
  }
  if (!isUrl && !/:\d+$/.test(host.replace(/\/.*$/, ""))) url.port = DEFAULT_PORT;
  return url;
}
