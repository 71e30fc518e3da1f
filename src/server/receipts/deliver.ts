import type { ReceiptCollector } from "../../receipts/mod.ts";
import { StreamedReceipts } from "./streamed.ts";

/**
 * Adds the receipts of a request to its response: a member of a JSON object, or of the last event of a
 * stream. Responses with an error stay as they are. Works on the bytes, so that no dialect and no path of
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
    const value = await response.json();
    const members = { ...value, ...await receipts.members() };
    return new Response(JSON.stringify(members), { status, headers });
  }
  const streamed = new StreamedReceipts(() => receipts.members());
  const transform = new TransformStream<Uint8Array, Uint8Array>({
    async transform(bytes, controller) {
      controller.enqueue(await streamed.push(bytes));
    },
  });
  return new Response(body.pipeThrough(transform), { status, headers });
}
