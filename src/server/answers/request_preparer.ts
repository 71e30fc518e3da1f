import { inlinePreparer, type Preparer } from "../../chat/mod.ts";
import type { Exchange } from "../http/mod.ts";

/**
 * The preparer of a request: that of the server, which fetches images for the client of the request, until
 * it disconnects.
 */
export function preparerOf(caller: Pick<Exchange, "context" | "client" | "signal">): Preparer {
  const { context: { preparer = inlinePreparer, fetchImages }, client } = caller;
  if (fetchImages === undefined) return preparer;
  return {
    answer: (info, input, format) => preparer.answer(info, input, format),
    prompt: (info, input) => preparer.prompt(info, input),
    fetchImages: (images, signal = caller.signal) => fetchImages(images, { client, signal }),
  };
}
