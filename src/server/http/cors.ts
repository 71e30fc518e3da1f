import { STATUS_CODE } from "@std/http/status";
import { type OriginKind, originNotAllowed } from "./access.ts";
import type { ServerSettings } from "./route.ts";

/** Response headers that scripts of a listed origin may read. */
const EXPOSED_HEADERS = "x-request-id, request-id, retry-after, x-should-retry, " +
  "x-shimmy-queue-position, x-shimmy-queue-estimate-ms, x-shimmy-ignored, x-shimmy-answer, " +
  "x-shimmy-prefix";

/** Seconds for which a browser may cache the response to a preflight. */
const PREFLIGHT_MAX_AGE = "600";

/** Whether a request is a CORS preflight. */
export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && request.headers.has("origin") &&
    request.headers.has("access-control-request-method");
}

/** The response to a preflight; `methods` are those of the path. */
export function preflightResponse(
  kind: OriginKind,
  request: Request,
  methods: readonly string[],
): Response {
  if (kind === "foreign") throw originNotAllowed();
  const headers = new Headers({
    "access-control-allow-methods": methods.join(", "),
    "access-control-max-age": PREFLIGHT_MAX_AGE,
  });
  const asked = request.headers.get("access-control-request-headers");
  if (asked !== null) headers.set("access-control-allow-headers", asked);
  if (request.headers.get("access-control-request-private-network") === "true") {
    headers.set("access-control-allow-private-network", "true");
  }
  return new Response(null, { status: STATUS_CODE.NoContent, headers });
}

/** Adds the headers that let scripts of a listed origin read a response. */
export function setCorsHeaders(
  settings: ServerSettings,
  kind: OriginKind,
  request: Request,
  headers: Headers,
): void {
  if (settings.corsOrigins.length === 0) return;
  const any = settings.corsOrigins.includes("*");
  if (!any) headers.append("vary", "Origin");
  if (kind !== "listed") return;
  headers.set("access-control-allow-origin", any ? "*" : request.headers.get("origin")!);
  headers.set("access-control-expose-headers", EXPOSED_HEADERS);
}
