/** The error of each dialect when the queue is full. */
import { assertEquals } from "@std/assert";
import { serverDouble } from "../../tests/doubles/server.ts";
import { ShimmyError } from "../errors.ts";

const MESSAGE = "The queue is full: 64 requests are waiting";
const MESSAGES = [{ role: "user", content: "Hi" }];
const native = { error: MESSAGE };
const ollama = { error: `server busy, please try again: ${MESSAGE}` };
const openai = {
  error: { message: MESSAGE, type: "server_error", param: null, code: "overloaded" },
};
const anthropic = { type: "error", error: { type: "overloaded_error", message: MESSAGE } };

/** For each route: a body it takes, and the body it answers with. */
const ROUTES: Readonly<Record<string, readonly [body: object, refusal: object]>> = {
  "/api/generate": [{ prompt: "Hi" }, native],
  "/v1/chat/completions": [{ messages: MESSAGES }, openai],
  "/v1/completions": [{ prompt: "Hi" }, openai],
  "/v1/responses": [{ input: "Hi" }, openai],
  "/v1/messages": [{ model: "double", max_tokens: 9, messages: MESSAGES }, anthropic],
  "/api/chat": [{ model: "double", messages: MESSAGES }, ollama],
  "/ollama/api/generate": [{ model: "double", prompt: "Hi" }, ollama],
};

for (const [path, [body, refusal]] of Object.entries(ROUTES)) {
  Deno.test(`${path} answers 503 with Retry-After while the queue is full, streamed or not`, async () => {
    const error = new ShimmyError("overloaded", MESSAGE, { retryAfter: 1.5 });
    const { send } = serverDouble({ engine: { script: { tokens: [], error } } });
    for (const stream of [true, false]) {
      const response = await send("POST", path, { ...body, stream });
      assertEquals([response.status, response.headers.get("retry-after")], [503, "2"]);
      // The official clients ask again unless this says no.
      assertEquals(response.headers.get("x-should-retry"), null);
      const { request_id: _, ...told } = await response.json();
      assertEquals(told, refusal);
    }
  });
}
