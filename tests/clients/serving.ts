/** Servers on loopback ports for client libraries to talk to. */
import { createHandler, type Handler } from "../../src/server/app.ts";
import type { ServerSettings } from "../../src/server/route.ts";
import type { Engine } from "../../src/engine/face.ts";
import { entryDouble, PoolDouble } from "../doubles/pool.ts";
import { tinyEngine } from "../support/engine.ts";

export const MODEL = "shimmy-tiny";
export const API_KEY = "secret";

const SETTINGS: ServerSettings = {
  version: "0.0.0",
  apiKey: API_KEY,
  corsOrigins: [],
  loopbackOnly: true,
  maxBodyBytes: 1 << 20,
  keepAliveMs: 1000,
};

export interface Serving extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly engine: Engine;
}

/** A server with one model, named {@linkcode MODEL}, that needs {@linkcode API_KEY}. */
export function serve(engine: Engine): Serving {
  const entry = entryDouble(MODEL, { chatTemplate: engine.info.chatTemplate });
  const handler: Handler = createHandler({
    pool: new PoolDouble({ entry, engine }),
    settings: SETTINGS,
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    engine,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** A server with the built-in model. */
export async function serveTiny(): Promise<Serving> {
  return serve(await tinyEngine());
}
