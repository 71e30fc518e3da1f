import type * as z from "zod";
import type { KeyClaims, Keyring, KeyStore, Scope } from "../../access/mod.ts";
import type { JsonParser, Preparer, RemoteImage } from "../../chat/mod.ts";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import type { ShimmyError } from "../../errors.ts";
import type { ModelPool } from "../../models/registry/mod.ts";
import type { ModelStore } from "../../models/pull/mod.ts";
import type { ReceiptCollector, ReceiptIssuer, Replay } from "../../receipts/mod.ts";
import type { Activity } from "../activity/mod.ts";
import type { Metrics, QueuePlace } from "../metrics/mod.ts";
import type { RequestSpan, Telemetry } from "../telemetry/mod.ts";
import type { SharedStore } from "../../shared_store/mod.ts";
import type { AccessRecord, RequestUsage } from "./usage.ts";

/** Services for all handlers: one object per server. */
export interface ServerContext {
  readonly pool: ModelPool;
  /** The store that models are pulled to and removed from; absent: both are disabled. */
  readonly store?: ModelStore;
  readonly settings: ServerSettings;
  /** Signed keys; absent: the server accepts none. */
  readonly keyring?: Keyring;
  /** Makes and revokes signed keys; absent: the server cannot. */
  readonly keys?: KeyStore;
  /** Metrics of this server; `createHandler` creates them when absent. */
  readonly metrics?: Metrics;
  /** What happens on this server, for `/api/events`; `createHandler` creates it when absent. */
  readonly activity?: Activity;
  /** What several servers share; absent: nothing. */
  readonly shared?: SharedStore;
  /** Traces and metrics for a collector; absent: there are none. */
  readonly telemetry?: Telemetry;
  /** In the context of a request: its span, if there is telemetry. */
  readonly span?: RequestSpan;
  /** Makes receipts; absent: requests for receipts are refused. */
  readonly receipts?: ReceiptIssuer;
  /** Computes answers again, to verify receipts. */
  readonly replay?: Replay;
  /** Renders prompts and compiles grammars; absent: the main thread does. */
  readonly preparer?: Preparer | undefined;
  /** Fetches images at URLs; absent: they are refused. */
  readonly fetchImages?: FetchRemoteImages;
  /** Parses large bodies; absent: the main thread does. */
  readonly parser?: JsonParser;
  /** Receives every server-side error, with the details that clients do not see. */
  readonly report?: (error: ShimmyError, requestId: string) => void;
  /** Receives every finished request, for an access log. */
  readonly access?: (record: AccessRecord) => void;
  /** Whether the server has not loaded the model yet that it loads at its start; absent: it loads none then. */
  readonly isStarting?: () => boolean;
  /** Aborts when the server shuts down: WebSockets close after their running request. */
  readonly stopping?: AbortSignal;
  /** Aborts when the listener is replaced: WebSockets close as when the server shuts down. */
  readonly replaced?: AbortSignal;
  /**
   * Requests that run over WebSockets. `Deno.serve` closes WebSockets at once when it shuts down, so
   * await these first.
   */
  readonly socketAnswers?: Set<Promise<void>>;
}

/**
 * Fetches the images of a request, in their order.
 *
 * @param asker the client, whose images take turns with those of others, and a signal that ends the fetching
 * @throws {ShimmyError} `invalid` with the field of an image that cannot be fetched; `overloaded` if too many
 * images wait; `cancelled` after an abort.
 */
export type FetchRemoteImages = (
  images: readonly RemoteImage[],
  asker: Pick<Exchange, "client" | "signal">,
) => Promise<readonly MediaInput[]>;

export interface ServerSettings {
  /** Shimmy's version. */
  readonly version: string;
  /** Version of libllama, when it is loaded. */
  readonly library?: string;
  /** The key with all rights; null: there is none. */
  readonly apiKey: string | null;
  /** Origins that may call the server from a browser; `*` allows any. */
  readonly corsOrigins: readonly string[];
  /** Reject a `Host` that is not local (DNS rebinding). */
  readonly loopbackOnly: boolean;
  /** Maximum size of a request body in bytes. */
  readonly maxBodyBytes: number;
  /** Maximum milliseconds until the whole body of a request has come. */
  readonly bodyTimeoutMs?: number;
  /** Reject fields without effect in the dialects of other servers instead of ignoring them. */
  readonly strict?: boolean;
  /** Serve the web page at `/ui`, and at `/` for browsers. */
  readonly ui?: boolean;
  /** Milliseconds without an event after which a stream sends a comment, so that proxies keep it open. */
  readonly keepAliveMs: number;
  /**
   * Maximum milliseconds for which an answer may be paused, or its client may not read it. After that, the
   * answer ends: it keeps its model loaded. Default: an hour.
   */
  readonly mostHeldMs?: number;
}

/** The `mostHeldMs` of a server, or its default. */
export function mostHeldMsOf({ mostHeldMs = 3_600_000 }: ServerSettings): number {
  return mostHeldMs;
}

/** One HTTP exchange: a request, and what its handler needs to produce the response. */
export interface Exchange {
  readonly request: Request;
  readonly url: URL;
  /** Variables of the route's path, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly context: ServerContext;
  /** Also the `x-request-id` header of the response. */
  readonly requestId: string;
  /** The rights of the signed key that the request has; null: all rights. */
  readonly key: KeyClaims | null;
  /** For logs: the id of the signed key, or `api-key`; null without a key. */
  readonly keyId: string | null;
  /** The receipts of the answers; null on a route without answers. */
  readonly receipts: ReceiptCollector | null;
  /**
   * Aborts when the client disconnects, before the response or while it is streamed. Pass it to every
   * long operation; `startAnswer` cancels generation with it.
   */
  readonly signal: AbortSignal;
  /** Who sent the request: the signed key, else the address. Requests of different clients take turns. */
  readonly client?: string | undefined;
  /** Registers a callback for the end of the exchange: the response was sent or the client disconnected. */
  onEnd(callback: () => void): void;
  /** Registers a callback for back pressure: the client does not read its streamed response, or reads again. */
  onHold(callback: (isHeld: boolean) => void): void;
  /** Sets the place in the queue that the headers of the response report. */
  setQueuePlace(place: QueuePlace): void;
  /** Sets the hash of the conversation's beginning that a header of the response tells. */
  setPrefix(hash: () => string): void;
  /** Records the model for the access log, and adds token counts. */
  recordUsage(usage: Partial<RequestUsage>): void;
  /** Reports fields of the body that were ignored: in a header, the access log and the metrics. */
  ignoreFields(fields: readonly string[]): void;
  /** On a route that several dialects share: the dialect of the request. */
  useDialect(dialect: Dialect): void;
}

/** The error format of an API. `errors.ts` maps kinds of errors to statuses. */
export interface Dialect {
  readonly name: "native" | "openai" | "anthropic" | "ollama" | "llamacpp";
  /** The JSON body of an error. */
  errorBody(error: ShimmyError, status: number, requestId: string): unknown;
  /** Additional headers of an error. */
  errorHeaders?(error: ShimmyError, status: number, requestId: string): HeadersInit;
}

/** The scope that a signed key needs for a route; `any`: a valid key suffices. */
export type RouteScope = Scope | "any";

/** Whether the answers of a route can have receipts. */
export function hasAnswers({ method, scope, streams }: RouteHead): boolean {
  return method === "POST" && scope === "chat" && streams !== undefined;
}

/** The schemas of a route, for `/openapi.json`. */
export interface RouteSchemas {
  /** Schema of the request body, if the route takes one. */
  readonly body?: z.ZodType;
  /** Schema of the JSON response. */
  readonly answer?: z.ZodType;
  /** Schemas of the data of server-sent events, by the name of the event. */
  readonly events?: Readonly<Record<string, z.ZodType>>;
}

/** What a route needs for its first request. */
export interface RouteCode extends RouteSchemas {
  readonly handle: (exchange: Exchange) => Response | Promise<Response>;
}

/** What the router needs to know of a route. */
export interface RouteHead {
  readonly method: "GET" | "POST" | "DELETE";
  /** A `URLPattern` pathname, e.g. `/api/models/:name/load`. */
  readonly path: string;
  readonly dialect: Dialect;
  readonly summary: string;
  readonly scope: RouteScope;
  /** The body is a form (`multipart/form-data`) and not JSON. */
  readonly isForm?: boolean;
  /** A request without a body is valid. */
  readonly optionalBody?: boolean;
  /** Descriptions of the query parameters by name; all are optional. */
  readonly query?: Readonly<Record<string, string>>;
  /** The response is plain text. */
  readonly text?: boolean;
  /** The response is HTML; with `text`, the `Accept` header decides. */
  readonly html?: boolean;
  /** Media types of streamed responses. */
  readonly streams?: readonly ("text/event-stream" | "application/x-ndjson")[];
  /** The state of the named object may not allow the request (409). */
  readonly conflicts?: boolean;
  /** What the request asks for may be no longer kept (410). */
  readonly expires?: boolean;
  /** The response is an upgrade to WebSocket. */
  readonly upgrade?: boolean;
  /** The route starts work or processes: pages of other sites must not make browsers request it. */
  readonly costly?: boolean;
  /** The route requires no API key. */
  readonly open?: boolean;
  /** Whether the route requires no API key for a request. It must be the only one of its path. */
  readonly openFor?: (request: Request, settings: ServerSettings) => Promise<boolean>;
  /** The route exists only with the setting `ui`. */
  readonly isPage?: boolean;
}

/**
 * A route as data: the router and `/openapi.json` are made from the route table. The table is read before
 * the server listens, and holds no schemas.
 */
export interface Route extends RouteHead {
  /** The forms of a route that several dialects share. */
  readonly forms?: readonly Route[];
  /** Reads the modules of the route, which `handle` would read with the first request. */
  readonly load?: () => Promise<RouteSchemas>;
  readonly handle: RouteCode["handle"];
}

/** A route with its schemas. */
export type DescribedRoute = Route & RouteSchemas;

/** One form of a route that several dialects share. */
export interface RouteForm extends Route {
  /** Whether a body has this form. The form without it takes all other bodies. */
  readonly accepts?: (body: unknown) => boolean;
}
