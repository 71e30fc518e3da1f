import { createHandler, type ServerContext } from "../../server/mod.ts";

/** Tokens of the request: the first one, further ones and the end have code of their own. */
const TOKENS = 4;

/**
 * Sends one request through a handler of the server to a loaded model. The first request otherwise
 * waits for modules to be read and for code to be compiled. The request is in no log and no metric.
 *
 * @param model name of the model.
 */
export async function warmUp(
  { pool, settings, preparer }: Pick<ServerContext, "pool" | "settings" | "preparer">,
  model: string,
  signal: AbortSignal,
): Promise<void> {
  const handler = createHandler({ pool, settings: { ...settings, apiKey: null }, preparer });
  const body = {
    model,
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: TOKENS,
    stream: true,
  };
  const response = await handler(
    new Request("http://localhost/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    }),
  );
  await response.text();
}
