import { encodeHex } from "@std/encoding/hex";
import { hmacSha256 } from "../../../digest.ts";
import { hashText, type StateOrigin } from "../../disk_cache/mod.ts";

/** Hexadecimal digits of the hash of a name: 128 bits. */
const DIGITS = 32;

/** What the key of an object of a session tells. */
export interface SessionKey {
  readonly key: string;
  /** Milliseconds since the epoch at which the session was saved or deleted. A later one is higher. */
  readonly version: number;
  /** Hash of what the state depends on; null: the session was deleted. */
  readonly origin: string | null;
}

/**
 * The folder of a session's objects. Without the secret, nobody finds the name for a folder, or the folder for a
 * name.
 */
export function sessionFolder(name: string, secret: string): string {
  const hash = hmacSha256(secret, new TextEncoder().encode(`session\0${name}`));
  return `sessions/${encodeHex(hash).slice(0, DIGITS)}/`;
}

/** What the state of a session depends on. Its name is part of it: an object is not for another session. */
export function sessionOrigin(
  folder: string,
  { fingerprint, scope }: StateOrigin,
): StateOrigin & { readonly hash: string } {
  const own = JSON.stringify([folder, scope]);
  return { fingerprint, scope: own, hash: hashText(`${fingerprint}\0${own}`) };
}

/** The key of a saved session. */
export function savedKey(folder: string, version: number, origin: string): string {
  return `${folder}${version}-${origin}.session`;
}

/** The key of the mark that a session was deleted. */
export function deletedKey(folder: string, version: number): string {
  return `${folder}${version}.deleted`;
}

/** Parses the key of an object in the folder of a session. Null for other objects. */
export function parseSessionKey(folder: string, key: string): SessionKey | null {
  if (!key.startsWith(folder)) return null;
  const [, version, origin] = /^(\d{1,15})(?:-([0-9a-f]{16})\.session|\.deleted)$/
    .exec(key.slice(folder.length)) ?? [];
  return version === undefined ? null : { key, version: Number(version), origin: origin ?? null };
}
