import { STATUS_CODE } from "@std/http/status";
import { ShimmyError } from "../../errors.ts";
import { HttpError } from "./errors.ts";
import { HeldBody } from "./request/held_bodies.ts";
import { parseJson } from "./request/parse_json.ts";
import { readBytes } from "./request/read_bytes.ts";
import type { Exchange } from "./route.ts";

const DEFAULT_TIMEOUT_MS = 60_000;

/** Characters of a header in errors. Clients can send values of kilobytes. */
const MAX_VALUE = 200;

/**
 * The body of a request as JSON.
 * @throws {ShimmyError} `invalid` for a body that is not JSON; 413 above the limit.
 */
export async function readJson(exchange: Exchange): Promise<unknown> {
  const read = values.get(exchange.request) ??
    readBody(exchange, (bytes) => parseBytes(bytes, exchange));
  values.set(exchange.request, read);
  return withoutReceipt(exchange, await read);
}

/** The bodies that were read: on a shared route, the body decides which handler reads it again. */
const values = new WeakMap<Request, Promise<unknown>>();

/** Like {@linkcode readJson}; undefined when the body is empty. */
export async function readOptionalJson(exchange: Exchange): Promise<unknown> {
  return await readBody(
    exchange,
    async (bytes) =>
      bytes.length === 0 ? undefined : withoutReceipt(exchange, await parseBytes(bytes, exchange)),
  );
}

/**
 * Reads a body and parses it. Its bytes count as held until then.
 * @throws 413 above the limit; what `parseBody` throws.
 */
export async function readBody<T>(
  exchange: Exchange,
  parseBody: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const { context } = exchange;
  using held = new HeldBody(context.settings, context.settings.maxBodyBytes);
  return await parseBody(await readInTime(exchange, held));
}

function parseBytes(bytes: Uint8Array<ArrayBuffer>, { context }: Exchange): Promise<unknown> {
  return parseJson(bytes, "body", context.parser);
}

/**
 * The body without `receipt`, which every dialect has on routes with answers.
 *
 * @throws {ShimmyError} `invalid` for a value that is neither true, false nor null.
 */
export function withoutReceipt({ receipts }: Pick<Exchange, "receipts">, body: unknown): unknown {
  if (receipts === null || !isObject(body)) return body;
  const { receipt = null, ...rest } = body;
  if (receipt !== null && typeof receipt !== "boolean") {
    throw new ShimmyError("invalid", "receipt: must be true or false", { field: "receipt" });
  }
  if (receipt) receipts.want();
  receipts.setBody(rest);
  return rest;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readInTime(
  { request, context }: Exchange,
  held: HeldBody,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    const message = `content-encoding: must be identity, not '${encoding.slice(0, MAX_VALUE)}': ` +
      "compressed bodies are not read";
    // RFC 9110, 12.5.3: the header of this response tells the encodings that requests may have.
    throw new HttpError(STATUS_CODE.UnsupportedMediaType, message, {
      field: "content-encoding",
      headers: { "accept-encoding": "identity" },
    });
  }
  const { maxBodyBytes, bodyTimeoutMs = DEFAULT_TIMEOUT_MS } = context.settings;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `The body did not come within ${bodyTimeoutMs / 1000} s`;
    // The rest of the body is not read, so the connection cannot carry another request.
    reject(
      new HttpError(STATUS_CODE.RequestTimeout, message, { headers: { connection: "close" } }),
    );
  }, bodyTimeoutMs);
  try {
    return await Promise.race([readBytes(request, maxBodyBytes, held), late]);
  } finally {
    clearTimeout(timer);
  }
}
