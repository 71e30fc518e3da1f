import { messageOf, ShimmyError } from "../../errors.ts";
import { connectionError } from "../../download/mod.ts";
import { socketPath, text, UsageError, type Values } from "../options/mod.ts";

/** The address on which `serve` listens by default. */
const DEFAULT_HOST = "127.0.0.1:11435";
/** Time limit for the head of a response. Unloading a model waits for its process to end. */
const TIMEOUT_MS = 30_000;

/** Options of the commands that talk to a running server. */
export const SERVER_OPTIONS = {
  "host": text("URL", {
    env: "SHIMMY_HOST",
    help: `address of the server, or unix:PATH; default ${DEFAULT_HOST}`,
  }),
  "api-key": text("KEY", { env: "SHIMMY_API_KEY", help: "API key of the server" }),
} as const;

/** A model that a server has loaded, is loading or failed to load, as `/api/models/NAME/status` has it. */
export interface ServerModel {
  readonly name: string;
  readonly state: string;
  readonly progress: number;
  readonly error: string | null;
  readonly requests?: number;
  readonly expires_at?: string | null;
  readonly memory_bytes?: number | null;
  readonly loaded: {
    readonly context_length: number;
    readonly layers: number;
    readonly offloaded_layers: number;
    readonly devices: readonly string[];
  } | null;
}

/** A model that a server can load, as `/api/models` lists it. */
export interface ListedModel {
  readonly name: string;
  readonly state: string;
  readonly kind: string;
  readonly source: string;
  /** Context length of the training in tokens. */
  readonly context_length: number | null;
}

/** The HTTP client of one server. */
export class ServerClient {
  readonly #base: URL;
  /** Of a Unix socket; null: the URL tells the address. */
  readonly #path: string | null;
  readonly #apiKey: string | null;
  readonly #env: (name: string) => string | undefined;
  readonly #signal: AbortSignal;

  /** @throws {UsageError} for an address that is no URL. */
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
    this.#env = env;
    this.#signal = signal;
  }

  /** `http://HOST:PORT` of the server, without a slash at its end. */
  get origin(): string {
    return this.#base.origin;
  }

  /** Whether any program answers at the address. */
  async isReachable(): Promise<boolean> {
    const url = new URL("/health", this.#base);
    const response = await this.#fetch("GET", url, TIMEOUT_MS).catch(() => null);
    await response?.body?.cancel();
    return response !== null;
  }

  /** All models of the server. */
  async list(): Promise<readonly ListedModel[]> {
    const { models } = await this.#request("GET", "/api/models") as {
      models?: readonly ListedModel[];
    };
    if (!Array.isArray(models)) throw this.#failure("it is not a Shimmy server");
    return models;
  }

  /** The models that are not unloaded, with their status. */
  async models(): Promise<readonly ServerModel[]> {
    const used = (await this.list()).filter(({ state }) => state !== "unloaded");
    return await Promise.all(used.map(({ name }) => this.status(name)));
  }

  /** The status of a model. */
  async status(name: string): Promise<ServerModel> {
    return await this.#request("GET", modelPath(name, "status")) as ServerModel;
  }

  /** Loads a model, which may take minutes. Resolves to its context length in tokens. */
  async load(name: string): Promise<number> {
    const { loaded } = await this.#request("POST", modelPath(name, "load"), null) as ServerModel;
    if (loaded === null) throw this.#failure(`it did not load ${name}`);
    return loaded.context_length;
  }

  /** The context length that a model has or would be loaded with, in tokens. */
  async contextLength(name: string): Promise<number> {
    const { loaded } = await this.status(name);
    if (loaded !== null) return loaded.context_length;
    const plan = await this.#request("GET", modelPath(name, "plan"), null);
    return (plan as { context_length: number }).context_length;
  }

  /** Unloads a model. Resolves to its name, and to whether it was loaded. */
  async unload(name: string): Promise<{ readonly name: string; readonly unloaded: boolean }> {
    const path = modelPath(name, "unload");
    return await this.#request("POST", path) as { name: string; unloaded: boolean };
  }

  /** @param timeoutMs Time limit for the head of the response; `null`: none. */
  async #request(
    method: string,
    path: string,
    timeoutMs: number | null = TIMEOUT_MS,
  ): Promise<object> {
    const url = new URL(path, this.#base);
    const response = await this.#fetch(method, url, timeoutMs);
    const body: unknown = await response.json().catch(() => null);
    if (response.status === 401) {
      throw this.#failure("it requires an API key; set --api-key or SHIMMY_API_KEY");
    }
    const error = typeof body === "object" && body !== null && "error" in body ? body.error : null;
    if (response.ok && typeof body === "object" && body !== null) return body;
    if (typeof error !== "string") throw this.#failure("it is not a Shimmy server");
    throw new ShimmyError(response.status === 404 ? "not_found" : "backend", error);
  }

  async #fetch(method: string, url: URL, timeoutMs: number | null): Promise<Response> {
    const headers = new Headers();
    if (this.#apiKey !== null) headers.set("authorization", `Bearer ${this.#apiKey}`);
    const limits = timeoutMs === null ? [] : [AbortSignal.timeout(timeoutMs)];
    const signal = AbortSignal.any([this.#signal, ...limits]);
    const path = this.#path;
    // The body of a response must have been read before its client is closed.
    using client = path === null
      ? null
      : Deno.createHttpClient({ proxy: { transport: "unix", path } });
    try {
      const response = await fetch(url, { method, headers, signal, ...(client && { client }) });
      return client === null ? response : new Response(await response.bytes(), response);
    } catch (error) {
      if (this.#signal.aborted) {
        throw new ShimmyError("cancelled", "The request was cancelled", { cause: error });
      }
      const reason = error instanceof DOMException
        ? `it did not answer within ${TIMEOUT_MS / 1000} s`
        : messageOf(connectionError(error, url, this.#env));
      const advice = /TLS certificate/.test(reason)
        ? "set DENO_CERT to a file with the certificate of its authority"
        : "start it with shimmy serve, or set --host";
      throw this.#failure(`${reason}; ${advice}`, error);
    }
  }

  #failure(reason: string, cause?: unknown): ShimmyError {
    const at = this.#path === null ? this.#base.origin : `unix:${this.#path}`;
    return new ShimmyError("backend", `Cannot use the server at ${at}: ${reason}`, {
      cause,
    });
  }
}

function modelPath(name: string, action: string): string {
  return `/api/models/${encodeURIComponent(name)}/${action}`;
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
  if (!isUrl && !/:\d+$/.test(host.replace(/\/.*$/, ""))) url.port = "11435";
  return url;
}
