/**
 * A response with a strong `ETag`; 304 without a body where `If-None-Match` of the request names it.
 *
 * @param tag An ETag made by {@linkcode etagOf} from the same body.
 */
export async function taggedResponse(
  request: Request,
  body: string,
  tag: string,
  contentType: string,
): Promise<Response> {
  const { ifNoneMatch } = await import("@std/http/etag");
  if (!ifNoneMatch(request.headers.get("if-none-match"), tag)) {
    return new Response(null, { status: 304, headers: { etag: tag } });
  }
  return new Response(body, { headers: { "content-type": contentType, etag: tag } });
}

/** The strong ETag of a body. */
export async function etagOf(body: string): Promise<string> {
  const { eTag } = await import("@std/http/etag");
  return await eTag(body);
}
