import { createHandler, type ServerContext } from "../../server/mod.ts";

/** Tokens of the request: the first one, further ones and the end have code of their own. */
const TOKENS = 4;
/** Milliseconds after which requests of clients are more useful than this one, which may wait for them. */
const MAX_MS = 1000;

/**
 * Sends one request through a handler of the server to a loaded model. The first request otherwise
 * waits for modules to be read and for code to be compiled. The request is in no log and no metric,
 * and is cancelled after `maxMs`.
 *
 * @param model name of the model.
 */
export async function warmUp(
  { pool, settings, preparer }: Pick<ServerContext, "pool" | "settings" | "preparer">,
  model: string,
  signal: AbortSignal,
  maxMs = MAX_MS,
): Promise<void> {
  const handler = createHandler({ pool, settings: { ...settings, apiKey: null }, preparer });
  const body = {
    model,
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: TOKENS,
    stream: true,
  };
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), maxMs);
  try {
    const response = await handler(
      new Request("http://localhost/v1/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, controller.signal]),
      }),
    );
    await response.text();
  } finally {
    clearTimeout(timer);
  }
}
