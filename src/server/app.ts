import { STATUS_CODE } from "@std/http/status";
import type { KeyClaims } from "../access/mod.ts";
import {
  checkHost,
  checkOrigin,
  checkSite,
  type ClientConnection,
  type Dialect,
  errorResponse,
  type Exchange,
  type Handler,
  hasAnswers,
  HttpError,
  isPreflight,
  mostHeldMsOf,
  observeStream,
  originOf,
  preflightResponse,
  type RequestUsage,
  type Route,
  Router,
  type ServerContext,
  setCorsHeaders,
  statusOf,
  tokensOf,
  toShimmyError,
  UsageRecorder,
} from "./http/mod.ts";
import {
  admit,
  type Caller,
  checkScope,
  createAuthenticator,
  poolOf,
  rateHeaders,
  storeOfKey,
} from "./access/mod.ts";
import { ReceiptCollector } from "../receipts/mod.ts";
import { withReceipts } from "./receipts/mod.ts";
import { Activity } from "./activity/mod.ts";
import { nativeDialect } from "./api/native/mod.ts";
import { Metrics, queueHeaders, type QueuePlace } from "./metrics/mod.ts";
import { openApiRoute } from "./openapi_route.ts";
import { invalidUrl, optionsResponse, requestIdOf, urlOf, withoutBody } from "./plain_responses.ts";
import { allRoutes } from "./routes.ts";
import type { RequestSpan } from "./telemetry/mod.ts";

/** `Retry-After` while the server shuts down, in seconds: its replacement may run by then. */
const SHUTDOWN_RETRY = 2;

/**
 * The server as a function for `serveHttp`.
 *
 * @param routes The route table; by default every route of every dialect.
 */
export function createHandler(
  { pool, settings, metrics = new Metrics(), activity = new Activity(), ...rest }: ServerContext,
  routes: readonly Route[] = allRoutes,
): Handler {
  const report: ServerContext["report"] = (error, requestId) => {
    activity.failed({ requestId, status: statusOf(error), message: error.message });
    rest.report?.(error, requestId);
  };
  const context: ServerContext = { pool, settings, metrics, activity, ...rest, report };
  const table = routes.filter(({ isPage }) => !isPage || settings.ui === true);
  table.push(openApiRoute(table, settings.version));
  const router = new Router(table, nativeDialect);
  const { keyring } = context;
  const authenticator = createAuthenticator(settings.apiKey, keyring);

  /** The route's response; sets the fields of `matched` as soon as the route is known. */
  async function dispatch(
    request: Request,
    connection: ClientConnection | undefined,
    url: URL,
    id: string,
    matched: Matched,
  ) {
    checkHost(settings, request, url);
    const origin = originOf(settings, request, url);
    if (isPreflight(request)) {
      return preflightResponse(origin, request, router.methods(url.pathname));
    }
    checkOrigin(origin, request);
    const open = await router.isOpen(url.pathname, request, settings);
    if (!open) matched.caller = await authenticator.authenticate(request.headers);
    if (context.stopping?.aborted && !open) {
      throw new HttpError(STATUS_CODE.ServiceUnavailable, "The server is shutting down", {
        retryAfter: SHUTDOWN_RETRY,
        // Each request of a drain gets it, and proxies send them elsewhere.
        isReported: false,
      });
    }
    if (request.method === "OPTIONS") return optionsResponse(router, url.pathname);
    const { route, params } = router.find(request.method, url.pathname);
    matched.span = startSpan(context, route, request, id);
    if (route.costly) checkSite(origin, request);
    const { claims } = matched.caller;
    if (claims !== null) {
      checkScope(claims, route);
      admit(keyring!, claims);
    }
    const own = contextOf(context, claims, matched.span);
    const exchange = new RequestExchange(
      request,
      connection,
      url,
      params,
      own,
      id,
      matched.caller,
      route,
    );
    matched.exchange = exchange;
    if (claims !== null) {
      exchange.onEnd(() => keyring!.spend(claims, tokensOf(exchange.usage)));
    }
    exchange.onEnd(() => metrics.keyTokens(matched.caller.keyId, exchange.usage));
    return await runRoute(route, exchange);
  }

  return async (request, connection) => {
    const id = requestIdOf(request);
    const url = urlOf(request);
    if (url === null) return invalidUrl(router, request, id);
    const path = router.label(request.method, url.pathname);
    const matched: Matched = { path, caller: UNKNOWN_CALLER, exchange: null, span: null };
    const start = performance.now();
    let response: Response;
    try {
      response = await dispatch(request, connection, url, id, matched);
    } catch (thrown) {
      const error = toShimmyError(thrown);
      const isSilent = error instanceof HttpError && !error.isReported;
      if (statusOf(error) >= 500 && !isSilent) context.report?.(error, id);
      const dialect = matched.exchange?.dialect ?? router.dialect(request.method, url.pathname);
      response = errorResponse(dialect, error, id);
    }
    metrics.request(request.method, matched.path, response.status);
    metrics.keyRequest(matched.caller.keyId, response.status);
    const { status } = response;
    const { claims, keyId } = matched.caller;
    const ignored = matched.exchange?.ignoredFields ?? [];
    const logAccess = () => {
      const finished = {
        requestId: id,
        method: request.method,
        route: matched.path,
        status,
        ...(matched.exchange?.usage ?? NO_USAGE),
        durationMs: performance.now() - start,
      };
      activity.finished(finished);
      matched.span?.end(status);
      context.access?.({
        ...finished,
        path: url.pathname,
        key: keyId,
        ...(ignored.length === 0 ? {} : { ignoredFields: ignored }),
      });
    };
    if (matched.exchange === null) logAccess();
    else matched.exchange.onEnd(logAccess);
    // Deno creates the response to an upgrade, and its headers are immutable.
    if (response.status === STATUS_CODE.SwitchingProtocols) return response;
    response.headers.set("x-request-id", id);
    if (claims !== null) {
      const { name } = router.dialect(request.method, url.pathname);
      for (const [header, value] of rateHeaders(keyring!.quotas(claims), name)) {
        response.headers.set(header, value);
      }
    }
    if (ignored.length > 0) {
      response.headers.set("x-shimmy-ignored", ignored.join(", "));
      const dialect = matched.exchange?.dialect ?? router.dialect(request.method, url.pathname);
      metrics.ignoredFields(dialect.name, ignored);
    }
    setCorsHeaders(settings, originOf(settings, request, url), request, response.headers);
    return request.method === "HEAD" ? await withoutBody(response) : response;
  };
}

/** The matched route of a request. */
interface Matched {
  /** The route's path, for the metrics. */
  path: string;
  caller: Caller;
  exchange: RequestExchange | null;
  span: RequestSpan | null;
}

/** The sender of a request whose key was not checked. */
const UNKNOWN_CALLER: Caller = { claims: null, keyId: null };

/** The span of a request that computes; null without telemetry. */
function startSpan(
  { telemetry }: ServerContext,
  { method, path, scope }: Route,
  { headers }: Request,
  requestId: string,
): RequestSpan | null {
  if (telemetry === undefined || (scope !== "chat" && scope !== "embed")) return null;
  return telemetry.startRequest({ method, route: path, requestId, headers });
}

/** The context of a request: its span, and the models and the store that its key may use. */
function contextOf(
  shared: ServerContext,
  claims: KeyClaims | null,
  span: RequestSpan | null,
): ServerContext {
  const context = span === null ? shared : { ...shared, span };
  if (claims === null) return context;
  const { pool, store } = context;
  return {
    ...context,
    pool: poolOf(pool, claims),
    ...(store === undefined ? {} : { store: storeOfKey(store, claims) }),
  };
}

const NO_USAGE: RequestUsage = { model: null, promptTokens: 0, completionTokens: 0 };

/** The route's response; the exchange ends with it, or when a streamed response has ended. */
async function runRoute(route: Route, exchange: RequestExchange): Promise<Response> {
  let streams = false;
  try {
    const response = await route.handle(exchange);
    streams = observeStream(response, {
      mostUnreadMs: mostHeldMsOf(exchange.context.settings),
      expired: () => exchange.connection?.end(),
      cancelled: () => exchange.abort(),
      held: (isHeld) => exchange.hold(isHeld),
      ended: () => exchange.end(),
    });
    for (const [name, value] of queueHeaders(exchange.queuePlace)) {
      response.headers.set(name, value);
    }
    if (exchange.prefix !== null) response.headers.set("x-shimmy-prefix", exchange.prefix);
    const { receipts } = exchange;
    return receipts?.isWanted ? await withReceipts(response, receipts) : response;
  } finally {
    exchange.beginResponse();
    if (!streams) exchange.end();
  }
}

/** An exchange that creates its abort controller only when a handler asks for the signal. */
class RequestExchange implements Exchange {
  #controller: AbortController | null = null;
  #unwatch: (() => void) | null = null;
  #hasBegun = false;
  /** Null after the end. */
  #endCallbacks: (() => void)[] | null = [];
  #isHeld = false;
  readonly #holdCallbacks: ((isHeld: boolean) => void)[] = [];
  #queuePlace: QueuePlace | null = null;
  #prefix: string | null = null;
  readonly #usage = new UsageRecorder();
  readonly receipts: ReceiptCollector | null;
  #ignoredFields: readonly string[] = [];
  #dialect: Dialect | undefined;

  constructor(
    readonly request: Request,
    readonly connection: ClientConnection | undefined,
    readonly url: URL,
    readonly params: Readonly<Record<string, string>>,
    readonly context: ServerContext,
    readonly requestId: string,
    readonly caller: Caller,
    route: Route,
  ) {
    this.receipts = hasAnswers(route) ? new ReceiptCollector(context.receipts, route.path) : null;
    if (request.headers.get("x-shimmy-receipt") === "1") this.receipts?.want();
  }

  get key(): KeyClaims | null {
    return this.caller.claims;
  }

  get keyId(): string | null {
    return this.caller.keyId;
  }

  get client(): string | undefined {
    const { keyId } = this.caller;
    return keyId === null ? this.connection?.address : `key ${keyId}`;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      const { signal } = this.request;
      if (signal.aborted) controller.abort(signal.reason);
      else signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
      this.#controller = controller;
      if (!this.#hasBegun) {
        this.#unwatch = this.connection?.onDisconnect(() => this.abort()) ?? null;
      }
    }
    return this.#controller.signal;
  }

  onEnd(callback: () => void): void {
    if (this.#endCallbacks === null) callback();
    else this.#endCallbacks.push(callback);
  }

  onHold(callback: (isHeld: boolean) => void): void {
    this.#holdCallbacks.push(callback);
    if (this.#isHeld) callback(true);
  }

  /** Back pressure of the streamed response. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    for (const callback of this.#holdCallbacks) callback(isHeld);
  }

  setQueuePlace(place: QueuePlace): void {
    this.#queuePlace ??= place;
  }

  setPrefix(hash: () => string): void {
    this.#prefix ??= hash();
  }

  recordUsage(usage: Partial<RequestUsage>): void {
    this.#usage.record(usage);
  }

  ignoreFields(fields: readonly string[]): void {
    this.#ignoredFields = [...this.#ignoredFields, ...fields];
  }

  useDialect(dialect: Dialect): void {
    this.#dialect = dialect;
  }

  /** The dialect of the request, on a route that several dialects share. */
  get dialect(): Dialect | undefined {
    return this.#dialect;
  }

  get ignoredFields(): readonly string[] {
    return this.#ignoredFields;
  }

  get usage(): RequestUsage {
    return this.#usage.usage;
  }

  /** The first place that was reported: a request with several choices has several. */
  get queuePlace(): QueuePlace | null {
    return this.#queuePlace;
  }

  /** That of the first prompt: a request with several prompts has several. */
  get prefix(): string | null {
    return this.#prefix;
  }

  /** From here on the stream reports a disconnect: its body is cancelled. */
  beginResponse(): void {
    this.#hasBegun = true;
    this.#unwatch?.();
  }

  /** Runs the callbacks of `onEnd`, the latest first. */
  end(): void {
    const callbacks = this.#endCallbacks ?? [];
    this.#endCallbacks = null;
    for (const callback of callbacks.reverse()) callback();
  }

  /** Aborts the signal: the client has disconnected. */
  abort(): void {
    this.#controller?.abort(new DOMException("The client disconnected", "AbortError"));
  }
}
