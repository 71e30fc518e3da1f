import { ServerSentEventParseStream } from "@std/http/server-sent-event-parse-stream";
import type { ModelEntry } from "../../src/models/entry/entry.ts";
import { createHandler } from "../../src/server/app.ts";
import type { Handler } from "../../src/server/http/serve.ts";
import type { Route, ServerContext, ServerSettings } from "../../src/server/http/route.ts";
import { EngineDouble, type EngineDoubleOptions } from "./engine.ts";
import { entryDouble, PoolDouble } from "./pool.ts";
import { TINY_TEMPLATE } from "./tiny_template.ts";

const SETTINGS: ServerSettings = {
  version: "1.2.3",
  apiKey: null,
  corsOrigins: [],
  loopbackOnly: false,
  maxBodyBytes: 1 << 20,
  keepAliveMs: 10_000,
};

export interface ServerDoubleOptions {
  readonly routes?: readonly Route[];
  readonly engine?: EngineDoubleOptions;
  readonly entry?: Partial<ModelEntry>;
  readonly settings?: Partial<ServerSettings>;
  /** Additional context of the handlers. */
  readonly context?: Partial<ServerContext>;
}

/** A server handler with one model, `double`, whose engine is a double. */
export interface ServerDouble {
  readonly engine: EngineDouble;
  readonly entry: ModelEntry;
  readonly pool: PoolDouble;
  readonly handler: Handler;
  /** Sends a request, with a JSON body if there is one. */
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /** Posts JSON to a path, or sends GET without a body; `init` overrides the request. */
  request(path: string, body?: unknown, init?: RequestInit): Promise<Response>;
}

/**
 * Creates a server with one model, `double`, whose engine double has the template of the tiny chat
 * model.
 */
export function serverDouble(options: ServerDoubleOptions = {}): ServerDouble {
  const engine = new EngineDouble({
    ...options.engine,
    info: { chatTemplate: TINY_TEMPLATE, ...options.engine?.info },
  });
  const entry = entryDouble("double", options.entry);
  const pool = new PoolDouble({ entry, engine });
  const context = { pool, settings: { ...SETTINGS, ...options.settings }, ...options.context };
  const handler = createHandler(context, options.routes);
  const send: ServerDouble["send"] = (method, path, body, headers = {}) => {
    const init = body === undefined
      ? { method, headers }
      : { method, headers, body: JSON.stringify(body) };
    return handler(new Request(`http://localhost${path}`, init));
  };
  const request: ServerDouble["request"] = (path, body, init) => {
    const sent = body === undefined ? {} : {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    return handler(new Request(`http://127.0.0.1${path}`, { ...sent, ...init }));
  };
  return { engine, entry, pool, handler, send, request };
}

/** The events of a `text/event-stream` response without its comments, read by the parser of `@std`. */
export async function readEvents(response: Response): Promise<{ event?: string; data: string }[]> {
  const events = response.body!.pipeThrough(
    new ServerSentEventParseStream({ ignoreComments: true }),
  );
  return await Array.fromAsync(events, ({ event, data = "" }) => ({
    ...(event === undefined ? {} : { event }),
    data,
  }));
}
