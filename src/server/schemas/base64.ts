import { Buffer } from "node:buffer";
import { ShimmyError } from "../../errors.ts";

/**
 * Decodes base64, with or without padding and line breaks.
 *
 * @param field the field of the text, for errors
 * @param what what the text must be, for errors
 * @throws {ShimmyError} `invalid` with the field if the text is empty or not base64.
 */
export function bytesOfBase64(text: string, field: string, what: string): Uint8Array<ArrayBuffer> {
  const decoded = Buffer.from(text, "base64");
  const characters = charactersOf(text.replace(/\s+/g, ""));
  if (decoded.length === 0 || decoded.length !== Math.floor(characters * 3 / 4)) {
    throw new ShimmyError("invalid", `${field}: must be ${what}`, { field });
  }
  // A small buffer is a part of a larger one, which is not to be sent to other processes.
  return new Uint8Array(decoded);
}

/** The characters before the padding. A regular expression for it takes quadratic time. */
function charactersOf(base64: string): number {
  let length = base64.length;
  while (base64[length - 1] === "=") length--;
  return length;
}
