import { encodeHex } from "@std/encoding/hex";
import { fromFileUrl, join } from "@std/path";
import { tinyModelBytes, tinyModelPath } from "../../assets/bytes.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { Finding, Place } from "./sources/mod.ts";

/** The name under which the built-in model is listed. */
export const BUILTIN_NAME = "shimmy-tiny";
/** SHA-256 of `src/assets/tiny/shimmy-tiny.gguf`. */
const SHA256 = "a095de638eb3ade80491fae0b632386cbbbf63a6c03534893450a97313d0baeb";

/** How the built-in model arrives; tests give their own. */
export interface BuiltinSource {
  readonly path: () => URL | null;
  readonly bytes: () => Promise<Uint8Array<ArrayBuffer>>;
  readonly sha256: string;
}

/** As it arrives with this program. */
export const ASSET: BuiltinSource = { path: tinyModelPath, bytes: tinyModelBytes, sha256: SHA256 };

/** The place where the built-in model is found; the last one, so that any other model comes before it. */
export function builtinPlace(cacheFolder: () => string, source: BuiltinSource = ASSET): Place {
  return { path: "(built in)", source: "builtin", look: () => look(cacheFolder, source) };
}

async function look(cacheFolder: () => string, source: BuiltinSource): Promise<Finding> {
  try {
    const path = await builtinPath(cacheFolder, source);
    const candidate = { paths: [path], name: BUILTIN_NAME, qualifier: "builtin" };
    return { exists: true, candidates: [candidate], skipped: [] };
  } catch (error) {
    const broken = { path: BUILTIN_NAME, reason: messageOf(error), kind: "broken" as const };
    return { exists: false, candidates: [], skipped: [broken] };
  }
}

/**
 * The path of the built-in model. libllama needs a real file: the asset itself where that is one, else
 * a copy that is written to the cache folder once.
 *
 * @param cacheFolder Names Shimmy's cache folder; asked only when it is needed, and made then.
 * @throws {ShimmyError} `backend`, when the copy cannot be made.
 */
export async function builtinPath(
  cacheFolder: () => string,
  source: BuiltinSource = ASSET,
): Promise<string> {
  const asset = source.path();
  return asset === null ? await unpack(cacheFolder(), source) : fromFileUrl(asset);
}

/** The path of a copy that has the right checksum, made when there is none. */
async function unpack(cacheFolder: string, source: BuiltinSource): Promise<string> {
  const folder = join(cacheFolder, "models");
  const path = join(folder, `${BUILTIN_NAME}-${source.sha256.slice(0, 12)}.gguf`);
  if (await checksumOf(path) === source.sha256) return path;
  // The temporary name is this process's own, and a rename replaces the file as a whole: two processes
  // that start together each leave a whole copy, and neither sees half of one.
  const temporary = `${path}.${crypto.randomUUID()}.incomplete`;
  try {
    const bytes = await source.bytes();
    if (await sha256(bytes) !== source.sha256) throw new Error("its checksum is wrong");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(temporary, bytes);
    await Deno.rename(temporary, path);
  } catch (cause) {
    await removeQuietly(temporary);
    // Windows refuses to replace a file that another process has open, which then has put it there.
    if (await checksumOf(path) === source.sha256) return path;
    throw new ShimmyError(
      "backend",
      `The built-in model cannot be written to the cache folder: ${messageOf(cause)}`,
      { detail: path, cause },
    );
  }
  return path;
}

async function checksumOf(path: string): Promise<string | null> {
  try {
    return await sha256(await Deno.readFile(path));
  } catch {
    return null;
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}

async function removeQuietly(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // It was never written, or is already gone.
  }
}
