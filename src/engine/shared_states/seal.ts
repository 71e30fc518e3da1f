import { hmacSha256 } from "../../digest.ts";

/** Bytes of a seal. */
export const SEAL = 32;

/** Writes the seal of the bytes before it into the last bytes of an object. */
export function seal(object: Uint8Array, secret: string): void {
  object.set(sealOf(object, secret), object.length - SEAL);
}

/**
 * The bytes of an object before its seal. They share its memory.
 * @returns null if it is damaged, or was made with another secret.
 */
export function unseal(
  object: Uint8Array<ArrayBuffer>,
  secret: string,
): Uint8Array<ArrayBuffer> | null {
  if (object.length < SEAL) return null;
  const expected = sealOf(object, secret);
  const given = object.subarray(-SEAL);
  // Without an early end: its time would tell how many bytes are right.
  let difference = 0;
  for (let at = 0; at < SEAL; at++) difference |= expected[at]! ^ given[at]!;
  return difference === 0 ? object.subarray(0, -SEAL) : null;
}

function sealOf(object: Uint8Array, secret: string): Uint8Array {
  return hmacSha256(secret, object.subarray(0, -SEAL));
}
