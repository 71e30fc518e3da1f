import {
  allowOrigin,
  errorResponse,
  type Exchange,
  guardHost,
  guardOrigin,
  HttpError,
  isPreflight,
  keyCheck,
  keyRefusal,
  originOf,
  preflight,
  type Route,
  Router,
  type ServerContext,
  statusOf,
  toShimmyError,
  watchStream,
} from "./http/mod.ts";
import { nativeDialect } from "./api/native/mod.ts";
import { Metrics, queueHeaders, type QueuePlace } from "./metrics/mod.ts";
import { openApiRoute } from "./openapi.ts";
import { allRoutes } from "./routes.ts";

/** Takes a request and always answers; nothing it does needs a socket but the upgrade to WebSocket. */
export type Handler = (request: Request) => Promise<Response>;

/** Seconds after which whatever takes a stopping server's place may be there. */
const STOPPING_RETRY = 2;

/** A request id that clients may give themselves: it comes back in a header and goes into logs. */
const SANE_ID = /^[\w.:-]{1,128}$/;

/**
 * The server as a function, to be given to `Deno.serve`.
 *
 * @param routes The tables of routes; the default is everything Shimmy speaks.
 */
export function createHandler(
  { pool, settings, metrics = new Metrics(), ...rest }: ServerContext,
  routes: readonly Route[] = allRoutes,
): Handler {
  const context: ServerContext = { pool, settings, metrics, ...rest };
  const every: Route[] = [...routes];
  every.push(openApiRoute(every, settings.version));
  const router = new Router(every, nativeDialect);
  const hasKey = keyCheck(settings.apiKey);

  /** The route's answer; sets `at.path` for the count as soon as it is known. */
  async function routed(request: Request, url: URL, id: string, at: { path: string }) {
    guardHost(settings, request, url);
    const origin = originOf(settings, request, url);
    if (isPreflight(request)) return preflight(origin, request, router.methods(url.pathname));
    guardOrigin(origin, request);
    const open = router.isOpen(url.pathname);
    if (!open && !await hasKey(request.headers)) throw keyRefusal();
    if (context.stopping?.aborted && !open) {
      throw new HttpError(503, "The server is shutting down", { retryAfter: STOPPING_RETRY });
    }
    if (request.method === "OPTIONS") return optionsOf(router, url.pathname);
    const { route, params } = router.find(request.method, url.pathname);
    at.path = route.path;
    const exchange = new LiveExchange(request, url, params, context, id);
    return await handled(route, exchange);
  }

  return async (request) => {
    const url = new URL(request.url);
    const id = requestIdOf(request);
    const at = { path: "unknown" };
    let response: Response;
    try {
      response = await routed(request, url, id, at);
    } catch (thrown) {
      const error = toShimmyError(thrown);
      if (statusOf(error) >= 500) context.report?.(error, id);
      response = errorResponse(router.dialect(request.method, url.pathname), error, id);
    }
    metrics.request(request.method, at.path, response.status);
    // The answer to an upgrade is Deno's own and cannot be changed.
    if (response.status === 101) return response;
    response.headers.set("x-request-id", id);
    allowOrigin(settings, originOf(settings, request, url), request, response.headers);
    return request.method === "HEAD" ? await withoutBody(response) : response;
  };
}

/** The route's answer; the exchange ends with it, or when all of it is streamed. */
async function handled(route: Route, exchange: LiveExchange): Promise<Response> {
  let streams = false;
  try {
    const response = await route.handle(exchange);
    streams = watchStream(response, {
      abandoned: () => exchange.leave(),
      ended: () => exchange.end(),
    });
    for (const [name, value] of queueHeaders(exchange.place)) response.headers.set(name, value);
    return response;
  } finally {
    if (!streams) exchange.end();
  }
}

/** An exchange whose signal is only made when somebody asks for it. */
class LiveExchange implements Exchange {
  #gone: AbortController | null = null;
  /** Null once it has ended. */
  #ends: (() => void)[] | null = [];
  #place: QueuePlace | null = null;

  constructor(
    readonly request: Request,
    readonly url: URL,
    readonly params: Readonly<Record<string, string>>,
    readonly context: ServerContext,
    readonly requestId: string,
  ) {}

  get signal(): AbortSignal {
    if (this.#gone === null) {
      const gone = new AbortController();
      const { signal } = this.request;
      if (signal.aborted) gone.abort(signal.reason);
      else signal.addEventListener("abort", () => gone.abort(signal.reason), { once: true });
      this.#gone = gone;
    }
    return this.#gone.signal;
  }

  onEnd(callback: () => void): void {
    if (this.#ends === null) callback();
    else this.#ends.push(callback);
  }

  waits(place: QueuePlace): void {
    this.#place ??= place;
  }

  /** Where in the queue it was, of several answers the first that had to wait. */
  get place(): QueuePlace | null {
    return this.#place;
  }

  /** Nothing is made for it any more. */
  end(): void {
    const ends = this.#ends ?? [];
    this.#ends = null;
    for (const callback of ends.reverse()) callback();
  }

  /** The client has left while the answer was streamed. */
  leave(): void {
    this.#gone?.abort(new DOMException("The client has gone", "AbortError"));
  }
}

function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && SANE_ID.test(given) ? given : crypto.randomUUID();
}

/** @throws {HttpError} 404 for a path that is not there. */
function optionsOf(router: Router, pathname: string): Response {
  const methods = router.methods(pathname);
  if (methods.length === 0) router.find("OPTIONS", pathname);
  return new Response(null, { status: 204, headers: { allow: methods.join(", ") } });
}

async function withoutBody(response: Response): Promise<Response> {
  await response.body?.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}
