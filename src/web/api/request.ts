import { apiUrl } from "./base.ts";
import { askKey, key } from "./key.ts";

/** Status of a request that is too large for the server, or for a proxy before it. */
const TOO_LARGE = 413;

/** A response with an error status, or no response. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  /** @param status The HTTP status; 0 without a response. */
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

/** The error of a request that is too large. */
export function tooLargeError(): ApiError {
  const message = "The request is larger than the server, or a proxy before it, takes: " +
    "remove attached files, or begin a new chat";
  return new ApiError(message, TOO_LARGE);
}

/**
 * Sends a request with the access key. Where the server requires another key, the user is asked for it and
 * the request is sent again.
 *
 * @param path The path of a route, with its query.
 * @throws {ApiError} for an error status, and where the server cannot be reached.
 * @throws {DOMException} `AbortError` when `init.signal` aborts.
 */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let sent = key.value;
  for (;;) {
    const response = await send(path, init, sent);
    if (response.ok) return response;
    if (response.status === 401) {
      const next = await askKey(sent);
      if (next !== null) {
        sent = next;
        await response.body?.cancel();
        continue;
      }
    }
    if (response.status === TOO_LARGE) {
      await response.body?.cancel();
      throw tooLargeError();
    }
    throw new ApiError(await messageOf(response), response.status);
  }
}

async function send(path: string, init: RequestInit, sent: string | null): Promise<Response> {
  const headers = new Headers(init.headers);
  if (sent !== null) {
    if (!/^[\x21-\x7e]+$/.test(sent)) return unsendable();
    headers.set("authorization", `Bearer ${sent}`);
  }
  try {
    return await fetch(apiUrl(path), { ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server cannot be reached", 0);
  }
}

/** The response to a key that no header can have: the server would not know it. */
function unsendable(): Response {
  return Response.json({ error: "The key must consist of visible ASCII characters" }, {
    status: 401,
  });
}

/** The message of an error in any of the dialects. */
async function messageOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const { error, message } = JSON.parse(text);
    return error?.message ?? error ?? message ?? text;
  } catch {
    return text || `The server responded with status ${response.status}`;
  }
}

/** The JSON of a route. @throws as {@linkcode request}. */
export async function getJson<T>(path: string, init: RequestInit = {}): Promise<T> {
  return await (await request(path, init)).json();
}

/** Sends JSON and returns the JSON of the response. @throws as {@linkcode request}. */
export async function postJson<T>(path: string, body: unknown, init: RequestInit = {}): Promise<T> {
  const headers = new Headers(init.headers);
  headers.set("content-type", "application/json");
  const sent = { ...init, method: "POST", headers, body: JSON.stringify(body) };
  return await (await request(path, sent)).json();
}
