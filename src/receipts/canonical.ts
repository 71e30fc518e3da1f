import { encodeHex } from "@std/encoding/hex";
import { isMediaToken, movesPosition, rowToken } from "../engine/protocol/mod.ts";

/**
 * JSON with sorted keys and without spaces, as RFC 8785 defines it: equal values have equal texts.
 * `JSON.stringify` already writes numbers and strings in that form, but keys that are whole numbers by their
 * value. `undefined` members are left out.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

/** SHA-256 of a text in UTF-8, or of bytes, in hexadecimal. */
export async function sha256Hex(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}

/**
 * SHA-256 of token ids, each as 32 bits in little-endian order. Rows of images and sounds, whose numbers mean
 * nothing to another process, count as -2, or as -3 if they do not move the position.
 */
export async function tokensDigest(tokens: readonly number[]): Promise<string> {
  const view = new DataView(new ArrayBuffer(tokens.length * 4));
  tokens.forEach((token, index) => view.setInt32(index * 4, plain(token), true));
  return await sha256Hex(new Uint8Array(view.buffer));
}

function plain(token: number): number {
  return isMediaToken(token) ? rowToken(0, movesPosition(token)) : token;
}

/** Fields of a request that do not change its answer. */
const DELIVERY = [
  "receipt",
  "stream",
  "stream_options",
  "stream_format",
  "detach",
  "alternatives",
  "user",
  "metadata",
];

/** SHA-256 of a request's body without the fields that only say how the answer is sent. */
export async function requestDigest(body: unknown): Promise<string> {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const kept = isObject
    ? Object.fromEntries(Object.entries(body).filter(([key]) => !DELIVERY.includes(key)))
    : body;
  return await sha256Hex(canonicalJson(kept));
}
