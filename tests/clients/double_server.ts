/** A server on the loopback interface around an engine double, for failures a real model does not have. */
import { createHandler } from "../../src/server/app.ts";
import { type EngineDouble } from "../doubles/engine.ts";
import { entryDouble, PoolDouble } from "../doubles/pool.ts";
import { MODEL } from "./tiny_server.ts";

export interface DoubleServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
}

/** Serves until it is disposed of; its one model is named {@linkcode MODEL}. */
export function doubleServer(engine: EngineDouble, apiKey: string | null = null): DoubleServer {
  const handler = createHandler({
    pool: new PoolDouble({ entry: entryDouble(MODEL), engine }),
    settings: {
      version: "0.0.0",
      apiKey,
      corsOrigins: [],
      loopbackOnly: true,
      maxBodyBytes: 1 << 20,
      keepAliveMs: 1000,
    },
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
