import { ShimmyError } from "../../../../errors.ts";

/**
 * Reasoning for clients that keep their conversations themselves (`reasoning.encrypted_content`): they
 * only carry it back. It is no secret, for they may read the reasoning anyway; Base64 keeps it opaque.
 */
export function encodeReasoning(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * The reasoning a client carried back.
 * @throws {ShimmyError} `invalid` when it was not made here.
 */
export function decodeReasoning(encoded: string): string {
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ShimmyError("invalid", "input: encrypted_content was not made by this server", {
      field: "input",
      cause,
    });
  }
}
