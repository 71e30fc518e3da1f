/** A server on the loopback interface around an engine double, for failures a real model does not have. */
import { serveHttp } from "../../src/server/http/serve.ts";
import { type ServerDouble, serverDouble, type ServerDoubleOptions } from "../doubles/server.ts";

export interface DoubleServer extends ServerDouble, AsyncDisposable {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
}

/** Serves its one model, `double`, until it is disposed of. */
export function doubleServer(options: ServerDoubleOptions): DoubleServer {
  const double = serverDouble(options);
  const server = serveHttp({ hostname: "127.0.0.1", port: 0 }, double.handler);
  return {
    ...double,
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
