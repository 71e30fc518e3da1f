/** Values that other servers accept or fail on, for tests and measurements. */

const MESSAGES = [{ role: "user", content: "Hi" }];
const CHAT = { messages: MESSAGES, max_tokens: 1 };

/** JSON text that nests 5,000 deep. */
const DEEP = `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`;

/** An object schema with this number of properties. */
function wide(count: number) {
  const properties = Array.from({ length: count }, (_, n) => [`p${n}`, { type: "string" }]);
  return { type: "object", properties: Object.fromEntries(properties) };
}

/** A request, and the statuses that it may have. */
export type Case = readonly [path: string, body: unknown, ...statuses: number[]];

/** Bodies as text, because `JSON.stringify` writes no negative zero. */
const raw = (text: string) => ({ text });

export const CASES: Readonly<Record<string, Case>> = {
  "template arguments that nest deep": [
    "/v1/chat/completions",
    raw(`{"messages":[{"role":"user","content":"a"}],"chat_template_kwargs":${DEEP}}`),
    400,
  ],
  "parameters of a tool that nest deep": [
    "/v1/chat/completions",
    raw(
      `{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function",` +
        `"function":{"name":"f","parameters":${DEEP}}}]}`,
    ),
    400,
  ],
  "the input of a call that nests deep": [
    "/v1/messages",
    raw(
      `{"max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":` +
        `[{"type":"tool_use","id":"a","name":"f","input":${DEEP}}]}]}`,
    ),
    400,
  ],
  "arguments of Ollama that nest deep": [
    "/ollama/api/chat",
    raw(
      `{"model":"shimmy-tiny","messages":[{"role":"assistant","content":"","tool_calls":` +
        `[{"function":{"name":"f","arguments":${DEEP}}}]}]}`,
    ),
    400,
  ],
  "a schema of 5,000 properties": [
    "/v1/chat/completions",
    {
      ...CHAT,
      response_format: { type: "json_schema", json_schema: { name: "x", schema: wide(5_000) } },
    },
    400,
  ],
  "a keep_alive of 1e20": ["/api/generate", { prompt: "a", max_tokens: 1, keep_alive: 1e20 }, 400],
  "a keep_alive of a thousand million hours": [
    "/ollama/api/generate",
    { model: "shimmy-tiny", prompt: "a", keep_alive: "999999999999h" },
    400,
  ],
  "a large top_k": ["/api/generate", { prompt: "a", max_tokens: 1, top_k: 2 ** 31 }, 400],
  "a large dry_allowed_length": [
    "/api/generate",
    { prompt: "a", max_tokens: 1, dry_allowed_length: 2 ** 31 },
    400,
  ],
  "a large dry_penalty_last_n": [
    "/api/generate",
    { prompt: "a", max_tokens: 1, dry_multiplier: 1, dry_penalty_last_n: 2 ** 31 },
    400,
  ],
  "a large repeat_last_n": [
    "/api/generate",
    { prompt: "a", max_tokens: 1, repeat_last_n: 2 ** 31 },
    400,
  ],
  "a large top_k of Ollama": [
    "/ollama/api/generate",
    { model: "shimmy-tiny", prompt: "a", options: { top_k: 2 ** 31, num_predict: 1 } },
    400,
  ],
  "a large top_k of OpenAI": ["/v1/chat/completions", { ...CHAT, top_k: 2 ** 31 }, 400],
  "a large top_k of Anthropic": ["/v1/messages", { ...CHAT, top_k: 2 ** 31 }, 400],
  "the largest top_k": ["/api/generate", { prompt: "a", max_tokens: 1, top_k: 2 ** 31 - 1 }, 200],
  "a seed of -0.0": ["/api/generate", raw('{"prompt":"a","max_tokens":1,"seed":-0.0}'), 200],
  "a token of -0.0": ["/v1/completions", raw('{"prompt":[-0.0],"max_tokens":1}'), 200],
  "an unknown token": ["/v1/completions", { prompt: [2 ** 31], max_tokens: 1 }, 400],
  "a large seed": ["/v1/chat/completions", { ...CHAT, seed: 2 ** 53 - 1 }, 200],
  "a large maximum of tokens": ["/v1/completions", {
    prompt: "a",
    max_tokens: 2 ** 40,
    stop: [" "],
  }, 200],
};

/** The text of a body. */
export function textOf(body: unknown): string {
  return typeof body === "object" && body !== null && "text" in body
    ? String(body.text)
    : JSON.stringify(body);
}
