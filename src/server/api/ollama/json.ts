/** A JSON answer. */
export function json(value: unknown): Response {
  return Response.json(value, {
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}
