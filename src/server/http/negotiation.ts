/** Media types that a generated response can have. */
export type ResponseType = "application/json" | "text/event-stream" | "application/x-ndjson";

/**
 * The media type of `types` that the `Accept` header of a request prefers, by its weights. The first
 * type wins a tie and serves requests without the header; undefined where none is acceptable.
 */
export async function preferredType<T extends ResponseType | "text/plain" | "text/html">(
  request: Request,
  types: readonly [T, ...T[]],
): Promise<T | undefined> {
  const accept = request.headers.get("accept");
  // Most clients accept anything: they do not wait for the library.
  if (accept === null || accept === "*/*") return types[0];
  const { accepts } = await import("@std/http/negotiation");
  return accepts(request, ...types) as T | undefined;
}
