import {
  DamagedStateFile,
  decodeState,
  sizeOfState,
  type StateOrigin,
  statePieces,
  type StoredState,
} from "../disk_cache/mod.ts";
import { SEAL, seal, unseal } from "./seal.ts";

/** A state as an object of a store: a file of the disk cache, and its seal. */
export function sealState(
  stored: StoredState,
  origin: StateOrigin,
  secret: string,
): Uint8Array<ArrayBuffer> {
  const object = new Uint8Array(sizeOfState(stored, origin) + SEAL);
  let at = 0;
  for (const piece of statePieces(stored, origin)) {
    object.set(piece, at);
    at += piece.length;
  }
  seal(object, secret);
  return object;
}

/**
 * The state of an object. It shares the memory of the object.
 * @returns null if it is damaged, or has another secret or another origin.
 */
export function openState(
  object: Uint8Array<ArrayBuffer>,
  origin: StateOrigin,
  secret: string,
): StoredState | null {
  try {
    const bytes = unseal(object, secret);
    return bytes && decodeState(bytes, origin);
  } catch (error) {
    if (error instanceof DamagedStateFile) return null;
    throw error;
  }
}
