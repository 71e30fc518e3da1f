/** A real server on the loopback interface with the built-in model, for tests with official clients. */
import { loadEngine } from "../../src/engine/load_engine.ts";
import { ASSET, builtinSource } from "../../src/models/discovery/builtin.ts";
import { discover } from "../../src/models/discovery/discover.ts";
import type { ModelPool } from "../../src/models/registry/pool.ts";
import { createPool } from "../../src/models/registry/registry.ts";
import { createHandler } from "../../src/server/app.ts";
import { type Handler, serveHttp } from "../../src/server/http/serve.ts";
import type { ServerContext, ServerSettings } from "../../src/server/http/route.ts";
import { tinyOptions } from "../support/engine.ts";

/** The built-in model's name. */
export const MODEL = "shimmy-tiny";

/** Those of servers for official clients. */
export const SETTINGS: ServerSettings = {
  version: "1.2.3",
  apiKey: null,
  corsOrigins: [],
  loopbackOnly: true,
  maxBodyBytes: 1 << 20,
  keepAliveMs: 10_000,
};

export interface TinyServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  readonly pool: ModelPool;
}

/** Serves until it is disposed of. */
export function tinyServer(
  settings: Partial<ServerSettings> = {},
  rest: Partial<ServerContext> = {},
): TinyServer {
  const pool = createPool({
    // The asset is a real file here, so nothing is written to a cache folder.
    discover: () => discover([builtinSource(() => "", ASSET)]),
    load: async ({ paths }, options) =>
      await loadEngine(await tinyOptions({ modelPaths: paths }), options),
    loras: [],
    paths: "found",
  });
  const handler = createHandler({ pool, settings: { ...SETTINGS, ...settings }, ...rest });
  const server = served(handler);
  return {
    url: server.url,
    pool,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
    },
  };
}

/** Serves a handler on a free port of the loopback interface. */
export function served(handler: Handler): AsyncDisposable & { readonly url: string } {
  const server = serveHttp({ hostname: "127.0.0.1", port: 0 }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Resolves once no answer is being made any more; rejects after five seconds. */
export async function idle(pool: ModelPool): Promise<void> {
  const { engine } = pool.state(await pool.resolve(MODEL));
  for (let waited = 0; waited < 500; waited++) {
    const status = await engine!.status();
    if (status.running + status.prefilling + status.queued === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("An answer was still being made after five seconds");
}
