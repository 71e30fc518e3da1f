import { ShimmyError } from "../../errors.ts";
import { isReceipt, type Receipt, requestDigest } from "../../receipts/mod.ts";
import { isObject, parsed, type ResponseValues, responseValues } from "./response.ts";
import { answerTexts } from "./texts.ts";

/** A request and the receipts of its answers, in their order. */
export interface Proof {
  readonly request: Readonly<Record<string, unknown>>;
  readonly receipts: readonly [Receipt, ...Receipt[]];
  /** The texts of the answers in the response, as far as it has any. */
  readonly texts: readonly string[];
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
  const values = responseValues(response);
  const [first, ...rest] = receiptsOf(values);
  if (first === undefined) {
    throw invalid('the response has no receipt; send the request with "receipt": true');
  }
  for (const receipt of [first, ...rest]) {
    if (await requestDigest(request) === receipt.request_sha256) continue;
    throw invalid("the receipt belongs to another request");
  }
  return { request, receipts: [first, ...rest], texts: answerTexts(values) };
}

function bothOf(text: string): { readonly request: unknown; readonly response: unknown } {
  const value = jsonOf(text, "the file");
  if (isObject(value) && "request" in value) {
    return { request: value.request, response: value.response ?? value };
  }
  throw invalid('the file has no "request"; give the file of the request as a second argument');
}

/** The receipts of a response; of a stream, those of the last event that has any. */
function receiptsOf({ values, isStream }: ResponseValues): Receipt[] {
  const found = values.map(receiptsIn);
  return isStream ? found.findLast((receipts) => receipts.length > 0) ?? [] : found.flat();
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

function invalid(what: string): ShimmyError {
  return new ShimmyError("invalid", `Cannot verify: ${what}`);
}
