import type { ReceiptCollector } from "../../receipts/mod.ts";
import { StreamedReceipts } from "./streamed.ts";

/**
 * Adds the receipts of a request to its response: a member of a JSON object, of each object of a list, or of
 * the last event of a stream. Responses with an error stay as they are. Works on the bytes, so that no dialect and no path of
 * a token needs to know receipts.
 */
export async function withReceipts(
  response: Response,
  receipts: ReceiptCollector,
): Promise<Response> {
  const { body, status, headers } = response;
  const type = headers.get("content-type") ?? "";
  if (status !== 200 || body === null) return response;
  if (type.startsWith("application/json")) {
    const value = withMembers(await response.json(), await receipts.members());
    return new Response(JSON.stringify(value), { status, headers });
  }
  const streamed = new StreamedReceipts(() => receipts.members());
  const transform = new TransformStream<Uint8Array, Uint8Array>({
    async transform(bytes, controller) {
      controller.enqueue(await streamed.push(bytes));
    },
    async flush(controller) {
      controller.enqueue(await streamed.end());
    },
  });
  return new Response(body.pipeThrough(transform), { status, headers });
}

/** A response with its receipts. A list has an object for each answer, in the order of the receipts. */
function withMembers(value: unknown, members: Readonly<Record<string, unknown>>): unknown {
  if (!Array.isArray(value)) return { ...value as Record<string, unknown>, ...members };
  const receipts = [members.receipts ?? members.receipt ?? []].flat();
  return value.map((one, index) => index in receipts ? { ...one, receipt: receipts[index] } : one);
}
