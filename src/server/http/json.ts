/** A JSON response with a charset, which some clients need to decode the body. */
export function json(value: unknown): Response {
  return Response.json(value, {
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}
