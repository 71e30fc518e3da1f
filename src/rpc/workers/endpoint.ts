import { ShimmyError } from "../../errors.ts";

/** The address of an RPC worker. */
export interface Endpoint {
  readonly hostname: string;
  readonly port: number;
  /** As it was given, for messages. */
  readonly text: string;
}

/** Workers that ggml's RPC backend takes at most. */
export const MAX_WORKERS = 16;

/**
 * Reads `HOST:PORT,...`. An IPv6 address stands in brackets. An empty text is an empty list.
 *
 * @param label the option or field, for errors
 * @throws {ShimmyError} `invalid`, with a message that begins with `label`.
 */
export function parseEndpoints(text: string, label: string): readonly Endpoint[] {
  const refuse = (what: string) => new ShimmyError("invalid", `${label}: ${what}`);
  const texts = text.trim() === "" ? [] : text.split(",").map((one) => one.trim());
  if (texts.length > MAX_WORKERS) {
    throw refuse(`must be at most ${MAX_WORKERS} workers, not ${texts.length}`);
  }
  return texts.map((one, index) => {
    const match = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(one);
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65_535) {
      throw refuse(`must be HOST:PORT, or several with commas between them, not '${one}'`);
    }
    if (texts.indexOf(one) !== index) throw refuse(`names the worker ${one} twice`);
    return { hostname: match[1] ?? match[2]!, port, text: one };
  });
}
