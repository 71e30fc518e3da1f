import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { ShimmyError } from "../../../../errors.ts";

/**
 * Reasoning for clients that keep their conversations themselves (`reasoning.encrypted_content`): they
 * only carry it back. It is no secret, for they may read the reasoning anyway; Base64 keeps it opaque.
 */
export function encodeReasoning(text: string): string {
  return encodeBase64(text);
}

/**
 * The reasoning a client carried back.
 * @throws {ShimmyError} `invalid` when it was not made here.
 */
export function decodeReasoning(encoded: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64(encoded));
  } catch (cause) {
    throw new ShimmyError("invalid", "input: encrypted_content was not made by this server", {
      field: "input",
      cause,
    });
  }
}
