import { encodeBase64 } from "@std/encoding/base64";
import { ShimmyError } from "../../../../errors.ts";
import { bytesOfBase64 } from "../../../schemas/mod.ts";

/**
 * Reasoning for clients that store conversations themselves (`reasoning.encrypted_content`) and send it
 * back unchanged. Base64 only makes it opaque: clients may read the reasoning.
 */
export function encodeReasoning(text: string): string {
  return encodeBase64(text);
}

/**
 * The reasoning that a client sent back.
 * @throws {ShimmyError} `invalid` when this server did not create it.
 */
export function decodeReasoning(encoded: string): string {
  try {
    const bytes = encoded === "" ? new Uint8Array() : bytesOfBase64(encoded, "input", "in base64");
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ShimmyError(
      "invalid",
      "input: encrypted_content must be from a response of this server",
      {
        field: "input",
        cause,
      },
    );
  }
}
