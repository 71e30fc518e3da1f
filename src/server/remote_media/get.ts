import { type IncomingMessage, request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { isIPv6, type LookupFunction } from "node:net";

/** The answer to one request, without its redirects. */
export interface Reply {
  readonly status: number;
  /** Where a redirect leads, as the header has it. */
  readonly location: string | null;
  /** Null unless the status is 200. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** A body is larger than allowed. */
export class TooLargeError extends Error {}

/**
 * Sends a GET request to a URL over a connection to the given address. The name of the host is not resolved
 * again, so that it cannot have another address than the one that was checked.
 *
 * @param maxBytes maximum size of the body
 * @throws {TooLargeError}
 */
export async function get(
  url: URL,
  address: string,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Reply> {
  const response = await responseOf(url, address, signal);
  const { statusCode: status = 0, headers } = response;
  try {
    const location = headers.location ?? null;
    if (status !== 200) return { status, location, body: null };
    if (Number(headers["content-length"] ?? 0) > maxBytes) throw new TooLargeError();
    return { status, location, body: await bodyOf(response, maxBytes) };
  } finally {
    response.destroy();
  }
}

function responseOf(url: URL, address: string, signal: AbortSignal): Promise<IncomingMessage> {
  const options: RequestOptions = {
    // A connection of its own: one that is kept may lead to another address.
    agent: false,
    headers: { accept: "image/*", "accept-encoding": "identity" },
    lookup: always(address),
    signal,
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    send(url, options, resolve).on("error", reject).end();
  });
}

/** A resolver that knows one address only. */
function always(address: string): LookupFunction {
  const family = isIPv6(address) ? 6 : 4;
  return (_, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

async function bodyOf(
  response: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > maxBytes) throw new TooLargeError();
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error("the connection ended early");
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
