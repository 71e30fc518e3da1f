import { ShimmyError } from "../../errors.ts";
import { isReceipt, type Receipt, requestDigest } from "../../receipts/mod.ts";

/** A request and the receipts of its answers, in their order. */
export interface Proof {
  readonly request: Readonly<Record<string, unknown>>;
  readonly receipts: readonly [Receipt, ...Receipt[]];
}

/**
 * Reads a proof: one file with `request` and `response`, or the response and the request in two files. The
 * response is JSON, or a stream as it was received.
 *
 * @param requestText The second file; null: the first has both.
 * @throws {ShimmyError} `invalid`, with what is missing.
 */
export async function readProof(text: string, requestText: string | null): Promise<Proof> {
  const { request, response } = requestText === null
    ? bothOf(text)
    : { request: jsonOf(requestText, "the request"), response: text };
  if (!isObject(request)) throw invalid("the request must be a JSON object");
  const [first, ...rest] = receiptsOf(response);
  if (first === undefined) {
    throw invalid('the response has no receipt; send the request with "receipt": true');
  }
  for (const receipt of [first, ...rest]) {
    if (await requestDigest(request) === receipt.request_sha256) continue;
    throw invalid("the receipt belongs to another request");
  }
  return { request, receipts: [first, ...rest] };
}

function bothOf(text: string): { readonly request: unknown; readonly response: unknown } {
  const value = jsonOf(text, "the file");
  if (isObject(value) && "request" in value) {
    return { request: value.request, response: value.response ?? value };
  }
  throw invalid('the file has no "request"; give the file of the request as a second argument');
}

/** The receipts of a response: a value, or a text that is JSON, server-sent events or JSON lines. */
function receiptsOf(response: unknown): Receipt[] {
  if (typeof response !== "string") return receiptsIn(response);
  const whole = parsed(response);
  if (whole !== undefined) return receiptsIn(whole);
  const lines = response.split(/\r?\n/).map((line) => parsed(line.replace(/^data: /, "")));
  return lines.map(receiptsIn).findLast((found) => found.length > 0) ?? [];
}

function receiptsIn(value: unknown): Receipt[] {
  if (isReceipt(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(receiptsIn);
  if (!isObject(value)) return [];
  const { receipt, receipts, response } = value;
  if (isReceipt(receipt)) return [receipt];
  if (Array.isArray(receipts) && receipts.every(isReceipt)) return receipts;
  return receiptsIn(response);
}

function jsonOf(text: string, what: string): unknown {
  const value = parsed(text);
  if (value === undefined) throw invalid(`${what} must be JSON`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(what: string): ShimmyError {
  return new ShimmyError("invalid", `Cannot verify: ${what}`);
}
