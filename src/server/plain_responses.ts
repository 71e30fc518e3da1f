import { STATUS_CODE } from "@std/http/status";
import { errorResponse, HttpError, type Router } from "./http/mod.ts";

/** A client's own request id that is safe in headers and logs. */
const VALID_REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The URL of a request; null if its target or `Host` is not part of a URL. */
export function urlOf(request: Request): URL | null {
  try {
    return new URL(request.url);
  } catch {
    return null;
  }
}

/** The response to a request without a valid URL, in the dialect of what looks like its path. */
export function invalidUrl(router: Router, request: Request, id: string): Response {
  const error = new HttpError(
    STATUS_CODE.BadRequest,
    "The target and the Host of the request must form a URL",
  );
  const response = errorResponse(router.dialect(request.method, pathLike(request)), error, id);
  response.headers.set("x-request-id", id);
  return response;
}

function pathLike(request: Request): string {
  try {
    return /^[a-z]+:\/\/[^/]*(\/[^?#]*)/i.exec(request.url)?.[1] ?? "/";
  } catch {
    return "/";
  }
}

/** The id of a request: the client's own if it is valid. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given !== null && VALID_REQUEST_ID.test(given) ? given : crypto.randomUUID();
}

/** The response to `OPTIONS`. @throws {HttpError} 404 for an unknown path. */
export function optionsResponse(router: Router, pathname: string): Response {
  const methods = router.methods(pathname);
  if (methods.length === 0) router.find("OPTIONS", pathname);
  return new Response(null, {
    status: STATUS_CODE.NoContent,
    headers: { allow: methods.join(", ") },
  });
}

/** The response to `HEAD`. */
export async function withoutBody(response: Response): Promise<Response> {
  await response.body?.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}
