import { ServerSentEventParseStream } from "@std/http/server-sent-event-parse-stream";
import { ShimmyError } from "../../errors.ts";
import type { SERVER_OPTIONS, Values } from "../options/mod.ts";
import { Connection, type ServerCall } from "./connection.ts";

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
  readonly architecture: string;
  readonly quantization: string;
  readonly parameters: number | null;
  /** Context length of the training in tokens. */
  readonly context_length: number | null;
  /** Bytes. */
  readonly size: number;
}

/** Properties of a loaded model, as `/props` has them. */
export interface ServerProperties {
  readonly model_alias: string;
  readonly chat_template: string;
  readonly modalities?: { readonly vision?: boolean; readonly audio?: boolean };
  readonly default_generation_settings: { readonly n_ctx: number };
}

/** Reads an error of a dialect; null for a body of another form. */
export type ReadError = (body: unknown) => ShimmyError | null;

/** The HTTP client of one server. */
export class ServerClient {
  readonly #connection: Connection;

  /** @throws {UsageError} for an address that is no URL. */
  constructor(
    values: Values<typeof SERVER_OPTIONS>,
    options: {
      readonly env: (name: string) => string | undefined;
      readonly signal: AbortSignal;
    },
  ) {
    this.#connection = new Connection(values, options);
  }

  /** `http://HOST:PORT` of the server, without a slash at its end. */
  get origin(): string {
    return this.#connection.origin;
  }

  /** The address for messages: the origin, or `unix:PATH`. */
  get address(): string {
    return this.#connection.address;
  }

  /** Whether any program answers at the address. */
  async isReachable(): Promise<boolean> {
    const call = { method: "GET", path: "/health" };
    const discard = async (response: Response) => {
      await response.body?.cancel();
      return true;
    };
    return await this.#connection.send(call, discard).catch(() => false);
  }

  /** All models of the server. */
  async list(): Promise<readonly ListedModel[]> {
    const { models } = await this.#request({ method: "GET", path: "/api/models" }) as {
      models?: readonly ListedModel[];
    };
    if (!Array.isArray(models)) throw this.#connection.failure("it is not a Shimmy server");
    return models;
  }

  /** The models that are not unloaded, with their status. */
  async models(): Promise<readonly ServerModel[]> {
    const used = (await this.list()).filter(({ state }) => state !== "unloaded");
    return await Promise.all(used.map(({ name }) => this.status(name)));
  }

  /** The status of a model. */
  async status(name: string): Promise<ServerModel> {
    return await this.#request({ method: "GET", path: modelPath(name, "status") }) as ServerModel;
  }

  /** Loads a model, which may take minutes. Resolves to its context length in tokens. */
  async load(name: string): Promise<number> {
    const call = { method: "POST", path: modelPath(name, "load"), timeoutMs: null };
    const { loaded } = await this.#request(call) as ServerModel;
    if (loaded === null) throw this.#connection.failure(`it did not load ${name}`);
    return loaded.context_length;
  }

  /**
   * The properties of a model, which the server loads first.
   * @param name `undefined`: the default model.
   */
  async properties(name: string | undefined, signal: AbortSignal): Promise<ServerProperties> {
    const path = name === undefined ? "/props" : `/props?model=${encodeURIComponent(name)}`;
    const call = { method: "GET", path, signal, timeoutMs: null };
    return await this.#request(call, llamaError) as ServerProperties;
  }

  /** The context length that a model has or would be loaded with, in tokens. */
  async contextLength(name: string): Promise<number> {
    const { loaded } = await this.status(name);
    if (loaded !== null) return loaded.context_length;
    const call = { method: "GET", path: modelPath(name, "plan"), timeoutMs: null };
    return (await this.#request(call) as { context_length: number }).context_length;
  }

  /** Unloads a model. Resolves to its name, and to whether it was loaded. */
  async unload(name: string): Promise<{ readonly name: string; readonly unloaded: boolean }> {
    const call = { method: "POST", path: modelPath(name, "unload") };
    return await this.#request(call) as { name: string; unloaded: boolean };
  }

  /** The answer of another route. @param readError reads the errors of its dialect. */
  async post(path: string, body: unknown, readError?: ReadError): Promise<object> {
    return await this.#request({ method: "POST", path, body, timeoutMs: null }, readError);
  }

  /** The JSON values of a stream of server-sent events, without the mark of its end. */
  async *stream(
    path: string,
    body: unknown,
    signal: AbortSignal,
    readError: ReadError,
  ): AsyncGenerator<unknown> {
    const call = { method: "POST", path, body, signal, timeoutMs: null };
    const read = (response: Response) => this.#events(response, readError);
    yield* this.#connection.sendStream(call, read);
  }

  async *#events(response: Response, readError: ReadError): AsyncGenerator<unknown> {
    if (!response.ok || response.body === null) {
      await this.#parse(response, readError);
      throw this.#connection.failure("it sent no stream");
    }
    const events = response.body.pipeThrough(new ServerSentEventParseStream());
    try {
      for await (const { data } of events) {
        if (data !== undefined && data !== "[DONE]") yield JSON.parse(data);
      }
    } catch (error) {
      const reason = error instanceof SyntaxError
        ? "its stream is damaged"
        : "the connection broke";
      throw this.#connection.failure(reason, error);
    }
  }

  async #request(call: ServerCall, readError?: ReadError): Promise<object> {
    return await this.#connection.send(call, (response) => this.#parse(response, readError));
  }

  async #parse(response: Response, readError: ReadError = nativeError(response)): Promise<object> {
    const body: unknown = await response.json().catch(() => null);
    if (response.status === 401) {
      throw this.#connection.failure("it requires an API key; set --api-key or SHIMMY_API_KEY");
    }
    if (response.ok && typeof body === "object" && body !== null) return body;
    throw readError(body) ?? this.#connection.failure("it is not a Shimmy server");
  }
}

/** Reads an error of the native dialect and of Ollama's. */
function nativeError({ status }: Response): ReadError {
  return (body) => {
    const error = (body as { error?: unknown } | null)?.error;
    if (typeof error !== "string") return null;
    return new ShimmyError(status === 404 ? "not_found" : "backend", error);
  };
}

/** Reads an error of llama-server's dialect. */
function llamaError(body: unknown): ShimmyError | null {
  const error = (body as { error?: { message?: unknown; code?: unknown } } | null)?.error;
  if (typeof error?.message !== "string") return null;
  return new ShimmyError(error.code === 404 ? "not_found" : "backend", error.message);
}

function modelPath(name: string, action: string): string {
  return `/api/models/${encodeURIComponent(name)}/${action}`;
}
