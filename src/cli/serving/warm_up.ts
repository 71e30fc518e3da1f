import { delay } from "@std/async/delay";
import { createHandler, type ServerContext } from "../../server/mod.ts";

/** Tokens of a request: the first one, further ones and the end have code of their own. */
const TOKENS = 4;
/** Milliseconds after which requests of clients are more useful than these, which they may wait for. */
const MAX_MS = 1000;
/** Milliseconds between two requests, in which those of clients are handled. */
const PAUSE_MS = 20;

const MESSAGES = [{ role: "user", content: "Hi" }];

/**
 * The routes that most clients use, each with its own schemas and its own stream. The prompt is the same, so
 * that the model computes it once.
 */
const REQUESTS: readonly { readonly path: string; readonly body: Record<string, unknown> }[] = [
  {
    path: "/v1/chat/completions",
    body: { messages: MESSAGES, max_tokens: TOKENS, stream: true },
  },
  // The compiler of grammars is a module of its own.
  {
    path: "/v1/chat/completions",
    body: { messages: MESSAGES, max_tokens: 1, response_format: { type: "json_object" } },
  },
  { path: "/v1/messages", body: { messages: MESSAGES, max_tokens: TOKENS, stream: true } },
  {
    path: "/v1/responses",
    body: { input: MESSAGES, max_output_tokens: TOKENS, stream: true, store: false },
  },
  { path: "/ollama/api/chat", body: { messages: MESSAGES, options: { num_predict: TOKENS } } },
];

/**
 * Sends requests through a handler of the server to a loaded model. The first request of a route otherwise
 * waits for modules to be read and for code to be compiled. The requests are in no log and no metric. They
 * end when a client needs the server, and after `maxMs`.
 *
 * @param model name of the model.
 * @param isNeeded whether the next request is still useful.
 */
export async function warmUp(
  { pool, settings, preparer }: Pick<ServerContext, "pool" | "settings" | "preparer">,
  model: string,
  signal: AbortSignal,
  isNeeded: () => boolean = () => true,
  maxMs = MAX_MS,
): Promise<void> {
  const handler = createHandler({ pool, settings: { ...settings, apiKey: null }, preparer });
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), maxMs);
  const either = AbortSignal.any([signal, controller.signal]);
  try {
    for (const { path, body } of REQUESTS) {
      if (either.aborted || !isNeeded()) return;
      const response = await handler(
        new Request(`http://localhost${path}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ model, ...body }),
          signal: either,
        }),
      );
      await response.text();
      await delay(PAUSE_MS);
    }
  } finally {
    clearTimeout(timer);
  }
}
