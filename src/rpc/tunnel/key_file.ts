import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { isReadableByOthers, readIfExists, writePrivateFile } from "../../access/mod.ts";
import { fileReason, ShimmyError } from "../../errors.ts";
import { KEY_BYTES } from "./noise.ts";

/** What a key file begins with, so that no other file is taken for one. */
const PREFIX = "shimmy-rpc-key:";

/** A key that machines share. */
export interface RpcKey {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A sentence about the file's permissions; null if only its owner may read it. */
  readonly warning: string | null;
}

/**
 * Reads the key of `--rpc-key`. The file has one line: `shimmy-rpc-key:` and 32 bytes in base64url.
 *
 * @throws {ShimmyError} `not_found` if the file does not exist; `invalid` if it is no key, or cannot be read
 */
export async function readRpcKey(path: string): Promise<RpcKey> {
  const text = await readKeyFile(path);
  if (text === null) {
    throw new ShimmyError(
      "not_found",
      `--rpc-key: ${path} does not exist; \`shimmy rpc-serve --rpc-key\` makes it, and a copy of the file ` +
        "belongs on each machine",
      { field: "rpc-key" },
    );
  }
  const warning = await isReadableByOthers(path)
    ? `--rpc-key: other users of this machine can read ${path}`
    : null;
  return { bytes: parse(text.trim(), path), warning };
}

/**
 * Reads the key of a file; makes the file if there is none.
 *
 * @returns whether it was made.
 * @throws {ShimmyError} `invalid` if it is no key, or cannot be read or made
 */
export async function ensureRpcKey(path: string): Promise<RpcKey & { readonly isNew: boolean }> {
  const isNew = await readKeyFile(path) === null;
  if (isNew) {
    const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    try {
      await writePrivateFile(path, `${PREFIX}${encodeBase64Url(bytes)}\n`);
    } catch (cause) {
      const message = `--rpc-key: cannot write ${path}: ${fileReason(cause)}`;
      throw new ShimmyError("invalid", message, { field: "rpc-key", cause });
    }
  }
  return { ...await readRpcKey(path), isNew };
}

/** The text of a key file; null if there is none. @throws {ShimmyError} `invalid` if it cannot be read. */
async function readKeyFile(path: string): Promise<string | null> {
  try {
    return await readIfExists(path);
  } catch (cause) {
    const message = `--rpc-key: cannot read ${path}: ${fileReason(cause)}`;
    throw new ShimmyError("invalid", message, { field: "rpc-key", cause });
  }
}

function parse(text: string, path: string): Uint8Array<ArrayBuffer> {
  try {
    if (!text.startsWith(PREFIX)) throw new Error("prefix");
    const bytes = new Uint8Array(decodeBase64Url(text.slice(PREFIX.length)));
    if (bytes.length !== KEY_BYTES) throw new Error("length");
    return bytes;
  } catch (cause) {
    const message = `--rpc-key: ${path} is not a key that \`shimmy rpc-serve --rpc-key\` has made`;
    throw new ShimmyError("invalid", message, { field: "rpc-key", cause });
  }
}
