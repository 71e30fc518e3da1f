import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { ShimmyError } from "../errors.ts";
import { changeLocked, readIfExists, writePrivateFile } from "./private_file.ts";

/** File of the signing key in the key folder: a private JSON Web Key (RFC 8037). */
const FILE = "signing.json";

/** The Ed25519 key that signs keys, licenses and receipts. */
export interface SigningKey {
  /** First 16 hexadecimal digits of the SHA-256 of `publicText`. */
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The public key's 32 bytes in base64url, as `x` in a JSON Web Key. */
  readonly publicText: string;
}

/** Path of the signing key in a key folder. */
export function signingKeyPath(folder: string): string {
  return join(folder, FILE);
}

/**
 * The signing key of a folder; null if there is none.
 *
 * @throws {ShimmyError} `backend` if the file is not an Ed25519 key.
 */
export async function readSigningKey(folder: string): Promise<SigningKey | null> {
  const path = signingKeyPath(folder);
  const text = await readIfExists(path);
  if (text === null) return null;
  try {
    const { kty, crv, d, x } = JSON.parse(text) as JsonWebKey;
    const jwk = { kty: kty!, crv: crv!, d: d!, x: x! };
    const privateKey = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
    return await toSigningKey(privateKey, x!);
  } catch (cause) {
    throw new ShimmyError("backend", "Cannot use the signing key: its file is not an Ed25519 key", {
      detail: path,
      cause,
    });
  }
}

/** The signing key of a folder; creates it if there is none. */
export async function ensureSigningKey(folder: string): Promise<SigningKey> {
  return await readSigningKey(folder) ??
    await changeLocked(signingKeyPath(folder), () => createSigningKey(folder));
}

/** Another process may have created one meanwhile: what it has signed must stay valid. */
async function createSigningKey(folder: string): Promise<SigningKey> {
  const existing = await readSigningKey(folder);
  if (existing !== null) return existing;
  const pair = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const { kty, crv, d, x } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  await writePrivateFile(signingKeyPath(folder), `${JSON.stringify({ kty, crv, d, x })}\n`);
  return (await readSigningKey(folder))!;
}

/** A public key from its 32 bytes in base64url. @throws {ShimmyError} `invalid` */
export async function importPublicKey(text: string): Promise<CryptoKey> {
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x: text };
    return await crypto.subtle.importKey("jwk", jwk, "Ed25519", true, ["verify"]);
  } catch (cause) {
    const message = "must be an Ed25519 public key: 32 bytes in base64url";
    throw new ShimmyError("invalid", `public key: ${message}`, { field: "public_key", cause });
  }
}

/** The id of a public key, from its 32 bytes in base64url. */
export async function publicKeyId(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return encodeHex(digest).slice(0, 16);
}

async function toSigningKey(privateKey: CryptoKey, x: string): Promise<SigningKey> {
  const publicKey = await importPublicKey(x);
  return { id: await publicKeyId(x), privateKey, publicKey, publicText: x };
}
