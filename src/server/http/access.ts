import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { STATUS_CODE } from "@std/http/status";
import { HttpError } from "./errors.ts";
import type { ServerSettings } from "./route.ts";

const KEY_HEADERS = ["x-api-key", "api-key"];

/** A function that tells whether a request has the API key; always true when no key is set. */
export function apiKeyCheck(apiKey: string | null): (headers: Headers) => Promise<boolean> {
  if (apiKey === null) return () => Promise.resolve(true);
  let expectedDigest: Promise<ArrayBuffer> | null = null;
  return async (headers) => {
    const expected = await (expectedDigest ??= digest(apiKey));
    let valid = false;
    for (const key of keysOf(headers)) {
      if (timingSafeEqual(await digest(key), expected)) valid = true;
    }
    return valid;
  };
}

/** The error for a request without a valid API key. */
export function unauthorized(): HttpError {
  const message = "A valid API key is required: send it as 'Authorization: Bearer KEY'";
  return new HttpError(STATUS_CODE.Unauthorized, message, {
    headers: { "www-authenticate": "Bearer" },
  });
}

/** The keys of a request, from all headers that may carry one. */
export function keysOf(headers: Headers): string[] {
  const bearer = /^bearer\s+(.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [bearer, ...KEY_HEADERS.map((name) => headers.get(name))]
    .filter((key) => key !== null && key !== undefined);
}

/** Digests are compared instead of keys, so that the time does not reveal the length of the key. */
function digest(key: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
}

/**
 * Whether a host name, as `URL.hostname` spells it, always means this machine. Names that need a
 * resolver are not local: DNS rebinding uses them.
 */
export function isLocalHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Rejects a `Host` that is not local when the server listens only on loopback. */
export function checkHost(settings: ServerSettings, request: Request, url: URL): void {
  if (!settings.loopbackOnly) return;
  const host = request.headers.get("host");
  const hostname = host === null ? url.hostname : URL.parse(`http://${host}`)?.hostname ?? "";
  if (!isLocalHost(hostname)) {
    throw new HttpError(
      STATUS_CODE.Forbidden,
      "This server accepts only local host names such as 127.0.0.1",
    );
  }
}

/** How the `Origin` of a request relates to this server. */
export type OriginKind = "none" | "same" | "listed" | "foreign";

/**
 * Classifies the `Origin` of a request. Browsers send it with every cross-origin and every WebSocket
 * request; other clients seldom do. `same` is the server's own origin, `listed` one of `--cors-origin`.
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
 * Rejects requests that a page of a foreign origin makes a browser send. The page cannot read the
 * response, but without a preflight it could load models and start generation; WebSockets have no CORS.
 */
export function checkOrigin(kind: OriginKind, request: Request): void {
  if (kind !== "foreign") return;
  const isSafe = request.method === "GET" || request.method === "HEAD";
  if (isSafe && request.headers.get("upgrade") === null) return;
  throw originNotAllowed();
}

/**
 * Rejects a request that a page of another site makes a browser send without an `Origin`, as for an
 * image. Only browsers send `Sec-Fetch-Site`; `none` means that the user opened the address.
 */
export function checkSite(kind: OriginKind, request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const isOther = site === "cross-site" || site === "same-site";
  if (isOther && kind !== "same" && kind !== "listed") throw originNotAllowed();
}

/** The error for a request of a foreign origin. */
export function originNotAllowed(): HttpError {
  return new HttpError(
    STATUS_CODE.Forbidden,
    "This origin is not allowed: list it with --cors-origin",
  );
}
