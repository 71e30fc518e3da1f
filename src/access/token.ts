import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { type Claims, fromPayload, toPayload } from "./claims.ts";

/**
 * A token is `shimmy-PAYLOAD.SIGNATURE`. PAYLOAD is the claims as JSON in base64url, SIGNATURE the Ed25519
 * signature (RFC 8032) of the ASCII text before the dot, in base64url. `docs/security.md` lists the fields.
 */
const PREFIX = "shimmy-";

/** Longest token that is parsed: a key with many patterns has some hundred characters. */
const MAX_LENGTH = 4096;

/** A token before its signature is checked. */
export interface ParsedToken {
  readonly claims: Claims;
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Signs claims. */
export async function signToken(claims: Claims, key: CryptoKey): Promise<string> {
  const payload = new TextEncoder().encode(JSON.stringify(toPayload(claims)));
  const signed = PREFIX + encodeBase64Url(payload);
  const signature = await crypto.subtle.sign("Ed25519", key, new TextEncoder().encode(signed));
  return `${signed}.${encodeBase64Url(signature)}`;
}

/** Parses a token without checking its signature; null for any other text. */
export function parseToken(text: string): ParsedToken | null {
  const match = /^shimmy-([\w-]+)\.([\w-]{86})$/.exec(text);
  if (match === null || text.length > MAX_LENGTH) return null;
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64Url(match[1]!));
    const claims = fromPayload(JSON.parse(json));
    // Deno 2.4 does not declare the kind of buffer of an encoded text.
    const signed = Uint8Array.from(new TextEncoder().encode(PREFIX + match[1]!));
    return claims && { claims, signed, signature: decodeBase64Url(match[2]!) };
  } catch {
    return null;
  }
}

/** Whether the signature of a token is that of a key. */
export async function isSignedBy(
  { signed, signature }: Pick<ParsedToken, "signed" | "signature">,
  publicKey: CryptoKey,
): Promise<boolean> {
  return await crypto.subtle.verify("Ed25519", publicKey, signature, signed);
}
