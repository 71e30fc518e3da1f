import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { HttpError } from "./errors.ts";
import type { ServerSettings } from "./route.ts";

const KEY_HEADERS = ["x-api-key", "api-key"];

/** A test of a request's key: always true when no key is set. */
export function keyCheck(apiKey: string | null): (headers: Headers) => Promise<boolean> {
  if (apiKey === null) return () => Promise.resolve(true);
  let wanted: Promise<ArrayBuffer> | null = null;
  return async (headers) => {
    const expected = await (wanted ??= digest(apiKey));
    let right = false;
    for (const key of keysOf(headers)) {
      if (timingSafeEqual(await digest(key), expected)) right = true;
    }
    return right;
  };
}

/** The refusal of a request without the key. */
export function keyRefusal(): HttpError {
  return new HttpError(401, "A valid API key is required: send it as 'Authorization: Bearer KEY'", {
    headers: { "www-authenticate": "Bearer" },
  });
}

function keysOf(headers: Headers): string[] {
  const bearer = /^bearer\s+(.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [bearer, ...KEY_HEADERS.map((name) => headers.get(name))]
    .filter((key) => key !== null && key !== undefined);
}

/** Digests are compared and not the keys, so that not even a key's length shows in the time it takes. */
function digest(key: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
}

/**
 * Whether a host name, as `URL.hostname` spells it, can only mean this machine. Names that a resolver
 * decides about do not count: that is how DNS rebinding gets in.
 */
export function isLocalHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Refuses a `Host` that is not local where the server listens on loopback alone. */
export function guardHost(settings: ServerSettings, request: Request, url: URL): void {
  if (!settings.loopbackOnly) return;
  const host = request.headers.get("host");
  const hostname = host === null ? url.hostname : URL.parse(`http://${host}`)?.hostname ?? "";
  if (!isLocalHost(hostname)) {
    throw new HttpError(403, "This server answers only to local host names such as 127.0.0.1");
  }
}

/** What a request's `Origin` means. */
export type OriginKind = "none" | "same" | "listed" | "foreign";

/**
 * Browsers name the page's origin in every cross-origin and every WebSocket request; other clients
 * seldom send one. `same` is the server's own.
 */
export function originOf(settings: ServerSettings, request: Request, url: URL): OriginKind {
  const origin = request.headers.get("origin");
  if (origin === null) return "none";
  const { corsOrigins } = settings;
  if (corsOrigins.includes("*") || corsOrigins.includes(origin)) return "listed";
  const host = request.headers.get("host") ?? url.host;
  return URL.parse(origin)?.host === host && origin !== "null" ? "same" : "foreign";
}

/**
 * Refuses what a foreign page has a browser send: it could not read the answer, but it could load
 * models and make them work, because such requests need no preflight; and WebSockets know no CORS.
 */
export function guardOrigin(kind: OriginKind, request: Request): void {
  if (kind !== "foreign") return;
  const harmless = request.method === "GET" || request.method === "HEAD";
  if (harmless && request.headers.get("upgrade") === null) return;
  throw new HttpError(403, "This origin is not allowed: list it with --cors-origin");
}
