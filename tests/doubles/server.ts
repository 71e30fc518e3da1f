import type { ModelEntry } from "../../src/models/entry.ts";
import { createHandler, type Handler } from "../../src/server/app.ts";
import type { Route, ServerSettings } from "../../src/server/route.ts";
import { EngineDouble, type EngineDoubleOptions } from "./engine.ts";
import { entryDouble, PoolDouble } from "./pool.ts";

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
}

/** The server's handler around one model, `double`, whose engine is a double. */
export interface ServerDouble {
  readonly engine: EngineDouble;
  readonly entry: ModelEntry;
  readonly pool: PoolDouble;
  readonly handler: Handler;
  /** Sends a request; a body goes as JSON. */
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
}

export function serverDouble(options: ServerDoubleOptions = {}): ServerDouble {
  const engine = new EngineDouble(options.engine);
  const entry = entryDouble("double", options.entry);
  const pool = new PoolDouble({ entry, engine });
  const context = { pool, settings: { ...SETTINGS, ...options.settings } };
  const handler = createHandler(context, options.routes);
  const send: ServerDouble["send"] = (method, path, body, headers = {}) => {
    const init = body === undefined
      ? { method, headers }
      : { method, headers, body: JSON.stringify(body) };
    return handler(new Request(`http://localhost${path}`, init));
  };
  return { engine, entry, pool, handler, send };
}
