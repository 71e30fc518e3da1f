import type * as Crypto from "node:crypto";
import type * as Zlib from "node:zlib";

/** What of Node is there without an import, which would have to be awaited. */
interface BuiltIn {
  getBuiltinModule(name: "node:crypto"): typeof Crypto;
  getBuiltinModule(name: "node:zlib"): typeof Zlib;
}

/**
 * Node's modules, each loaded when it is first asked for: an engine without sessions and adapters
 * starts sooner without them.
 */
const builtIn = () => (globalThis as unknown as { readonly process: BuiltIn }).process;

/** A SHA-256 that is fed piece by piece. */
export function sha256(): Crypto.Hash {
  return builtIn().getBuiltinModule("node:crypto").createHash("sha256");
}

/** The CRC-32 of bytes: it tells damage, and takes a tenth of the time of a digest. */
export function crc32(bytes: Uint8Array): number {
  return builtIn().getBuiltinModule("node:zlib").crc32(bytes);
}
