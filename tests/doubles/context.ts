import { generateRoute } from "../../src/server/api/native/generate_route.ts";
import { nativeRoutes } from "../../src/server/api/native/mod.ts";
import { createHandler } from "../../src/server/app.ts";
import type { Handler } from "../../src/server/http/serve.ts";
import type { ServerContext, ServerSettings } from "../../src/server/http/route.ts";
import { EngineDouble, type EngineDoubleOptions } from "./engine.ts";
import { entryDouble, PoolDouble } from "./pool.ts";

/** Settings of a server without a key that accepts any host. */
export const SETTINGS: ServerSettings = {
  version: "1.2.3",
  apiKey: null,
  corsOrigins: [],
  loopbackOnly: false,
  maxBodyBytes: 10_000,
  keepAliveMs: 10_000,
};

export interface ServerDouble {
  readonly handler: Handler;
  readonly engine: EngineDouble;
  readonly pool: PoolDouble;
}

/** Only the native API: some bodies of `/api/generate` would belong to the Ollama API. */
const NATIVE = [...nativeRoutes, generateRoute()];

/** A server handler with an engine double named `tiny`. */
export function serverDouble(
  engineOptions: EngineDoubleOptions = {},
  settings: Partial<ServerSettings> = {},
  rest: Partial<ServerContext> = {},
): ServerDouble {
  const engine = new EngineDouble(engineOptions);
  const pool = new PoolDouble({ entry: entryDouble("tiny"), engine });
  const context = { pool, settings: { ...SETTINGS, ...settings }, ...rest };
  return { handler: createHandler(context, NATIVE), engine, pool };
}

/** A request to a server without a socket. */
export function get(path: string, headers: HeadersInit = {}): Request {
  return new Request(`http://localhost:11435${path}`, { headers });
}

export function post(path: string, body: unknown, headers: HeadersInit = {}): Request {
  return new Request(`http://localhost:11435${path}`, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Resolves when the condition holds; rejects after a second. */
export async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    if (waited === 1000) throw new Error("What was waited for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
