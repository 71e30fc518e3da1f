/** Fields of `POST /api/generate` that only Ollama's dialect has. */
export const OLLAMA_FIELDS = [
  "options",
  "keep_alive",
  "format",
  "raw",
  "suffix",
  "images",
  "think",
  "context",
  "template",
];

/**
 * Whether a `POST /api/generate` is in Ollama's dialect: the user agent begins with `ollama`, or the body
 * has a field that only Ollama's API has.
 */
export function isOllamaGenerate(headers: Headers, body: unknown): boolean {
  if (/^ollama/i.test(headers.get("user-agent") ?? "")) return true;
  if (typeof body !== "object" || body === null || Array.isArray(body)) return false;
  return OLLAMA_FIELDS.some((field) => Object.hasOwn(body, field));
}
