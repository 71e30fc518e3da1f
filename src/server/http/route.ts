import type * as z from "zod";
import type { ShimmyError } from "../../errors.ts";
import type { ModelPool } from "../../models/registry/mod.ts";
import type { ModelStore } from "../../models/pull/mod.ts";
import type { Metrics, QueuePlace } from "../metrics/mod.ts";

/** What every handler may use. Built once for a server; tests build it around an engine double. */
export interface ServerContext {
  readonly pool: ModelPool;
  /** Where models are pulled to and removed from; a server without one does neither. */
  readonly store?: ModelStore;
  readonly settings: ServerSettings;
  /** Where answers are counted; `createHandler` makes one when there is none. */
  readonly metrics?: Metrics;
  /** Told of every failure that is the server's own, with what the caller is not shown. */
  readonly report?: (error: ShimmyError, requestId: string) => void;
  /** Aborts when the server shuts down: WebSockets close once they have no answer running. */
  readonly stopping?: AbortSignal;
  /**
   * Answers that go over WebSockets. `Deno.serve` closes these when it shuts down, whatever they are
   * doing: wait for them first.
   */
  readonly socketAnswers?: Set<Promise<void>>;
}

export interface ServerSettings {
  /** Shimmy's version. */
  readonly version: string;
  /** libllama's version, where one is loaded. */
  readonly library?: string;
  /** Every route but `/health` needs it, when there is one. */
  readonly apiKey: string | null;
  /** Origins that browsers may call from; `*` for any. */
  readonly corsOrigins: readonly string[];
  /** Refuse a `Host` that is not local (DNS rebinding). */
  readonly loopbackOnly: boolean;
  /** Bytes of a request's body at most. */
  readonly maxBodyBytes: number;
  /** Milliseconds of silence after which a stream sends a comment, so that proxies keep it open. */
  readonly keepAliveMs: number;
}

/** One request on its way through a handler. */
export interface Exchange {
  readonly request: Request;
  readonly url: URL;
  /** Named groups of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly context: ServerContext;
  /** Also the `x-request-id` header of the answer. */
  readonly requestId: string;
  /**
   * Aborts when the client has gone: before the answer began, or while it was streamed. Pass it to
   * whatever may take long; `startAnswer` ties answers to it.
   */
  readonly signal: AbortSignal;
  /** Calls back once the answer is sent in full, or nobody wants it any more. */
  onEnd(callback: () => void): void;
  /** Takes note that the request has to wait for others; it becomes headers of the answer. */
  waits(place: QueuePlace): void;
}

/** How an API wants its errors; the one place where a kind of error becomes a status is `errors.ts`. */
export interface Dialect {
  readonly name: "native" | "openai" | "anthropic" | "ollama";
  /** The JSON body of an error. */
  errorBody(error: ShimmyError, status: number, requestId: string): unknown;
  /** Headers an error carries beside the ones every answer has. */
  errorHeaders?(error: ShimmyError, status: number, requestId: string): HeadersInit;
}

/** A route is data: the table of them is the router, and `/openapi.json` is made from it. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** A `URLPattern` pathname, e.g. `/api/models/:name/load`. */
  readonly path: string;
  readonly dialect: Dialect;
  readonly summary: string;
  /** Schema of the JSON body, where there is one. */
  readonly body?: z.ZodType;
  /** What the parameters of the query mean, by their names; all may be absent. */
  readonly query?: Readonly<Record<string, string>>;
  /** Schema of the JSON answer. */
  readonly answer?: z.ZodType;
  /** The answer is plain text. */
  readonly text?: boolean;
  /** Media types of the answer when it is streamed. */
  readonly streams?: readonly ("text/event-stream" | "application/x-ndjson")[];
  /** The answer is an upgrade to WebSocket. */
  readonly upgrade?: boolean;
  /** Open without a key. */
  readonly open?: boolean;
  readonly handle: (exchange: Exchange) => Response | Promise<Response>;
}
