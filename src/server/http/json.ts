/** A JSON answer that names its charset, as clients that read bytes by it expect. */
export function json(value: unknown): Response {
  return Response.json(value, {
    headers: { "content-type": "application/json; charset=utf-8" },
  });
}
