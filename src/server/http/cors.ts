import type { OriginKind } from "./access.ts";
import { HttpError } from "./errors.ts";
import type { ServerSettings } from "./route.ts";

/** Headers of answers that scripts of a listed origin may read. */
const EXPOSED = "x-request-id, request-id, retry-after, x-should-retry, " +
  "x-shimmy-queue-position, x-shimmy-queue-estimate-ms";

/** Seconds for which a browser need not ask again. */
const MAX_AGE = "600";

/** Whether a request asks what another request may do. */
export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && request.headers.has("origin") &&
    request.headers.has("access-control-request-method");
}

/** The answer to a preflight; `methods` are those of the path. */
export function preflight(
  kind: OriginKind,
  request: Request,
  methods: readonly string[],
): Response {
  if (kind === "foreign") {
    throw new HttpError(403, "This origin is not allowed: list it with --cors-origin");
  }
  const headers = new Headers({
    "access-control-allow-methods": methods.join(", "),
    "access-control-max-age": MAX_AGE,
  });
  const asked = request.headers.get("access-control-request-headers");
  if (asked !== null) headers.set("access-control-allow-headers", asked);
  if (request.headers.get("access-control-request-private-network") === "true") {
    headers.set("access-control-allow-private-network", "true");
  }
  return new Response(null, { status: 204, headers });
}

/** Lets scripts of a listed origin read an answer. */
export function allowOrigin(
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
  headers.set("access-control-expose-headers", EXPOSED);
}
