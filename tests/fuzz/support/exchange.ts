import { checkVisible, type Problem } from "./problem.ts";
import type { WatchedServer } from "./watched_server.ts";

/** Milliseconds of a request: more than all budgets of the product together. */
export const REQUEST_LIMIT = 45_000;
/** Characters of a response that are kept. */
const KEPT = 2_000_000;

/** What came back. */
export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A request, and the statuses that its answer may have. */
export interface Sent {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, or the bytes of a text that is no UTF-8. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Whether a status is documented. 500 and 502 are problems in any case, but see `mayFail`. */
  readonly isDocumented: (status: number) => boolean;
  /** 502 is right, because the input is a file that cannot be loaded. */
  readonly mayFail?: boolean;
  /** What no client may see. */
  readonly secrets?: readonly string[];
}

/** Sends a request and checks the answer. `inspect` sees an answer without a problem. */
export async function exchange(
  server: WatchedServer,
  sent: Sent,
  inspect: (received: Received) => Problem | null = () => null,
): Promise<Problem | null> {
  let received: Received | Problem;
  try {
    received = await send(server, sent);
  } catch (error) {
    received = { kind: "unexpected", message: `no answer: ${(error as Error).message}` };
  }
  const found = await server.check("kind" in received && received.kind === "unexpected");
  if (found !== null) return found;
  if ("kind" in received) return received;
  return checkAnswer(server, sent, received) ?? inspect(received);
}

async function send(
  server: WatchedServer,
  { method, path, headers = {}, body }: Sent,
): Promise<Received | Problem> {
  const signal = AbortSignal.timeout(REQUEST_LIMIT);
  try {
    const response = await fetch(server.url(path), {
      method,
      headers,
      signal,
      redirect: "manual",
      ...(body === undefined ? {} : { body }),
    });
    let text = "";
    if (response.body !== null) {
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        if (text.length < KEPT) text += chunk;
      }
    }
    return { status: response.status, headers: response.headers, text };
  } catch (error) {
    if (!signal.aborted) throw error;
    return { kind: "hang", message: `no answer of ${path} within ${REQUEST_LIMIT} ms` };
  }
}

function checkAnswer(
  server: WatchedServer,
  { method, path, isDocumented, mayFail = false, secrets = [] }: Sent,
  { status, headers, text }: Received,
): Problem | null {
  const where = `${method} ${path.split("?")[0]}`;
  const said = `${where} gave ${status}: ${text.slice(0, 300)}`;
  const visible = checkVisible(text, [server.home, Deno.cwd(), ...secrets]);
  if (visible !== null) return { ...visible, message: `${where}: ${visible.message}` };
  if (status === 500 || (status === 502 && !mayFail)) return { kind: "status", message: said };
  if (!isDocumented(status)) return { kind: "status", message: said };
  if (status === 503 && !headers.has("retry-after")) {
    return { kind: "status", message: `503 without Retry-After: ${said}` };
  }
  return null;
}
