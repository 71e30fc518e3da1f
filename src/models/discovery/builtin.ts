import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tinyModelBytes, tinyModelPath } from "../../assets/bytes.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { ModelSource, ScanResult } from "./sources/mod.ts";

/** Name of the built-in model in model lists. */
export const BUILTIN_NAME = "shimmy-tiny";
/** SHA-256 of `src/assets/tiny/shimmy-tiny.gguf`. */
const SHA256 = "a095de638eb3ade80491fae0b632386cbbbf63a6c03534893450a97313d0baeb";

/** Where the bytes of the built-in model come from. Tests pass their own. */
export interface BuiltinAsset {
  readonly path: () => URL | null;
  readonly bytes: () => Promise<Uint8Array<ArrayBuffer>>;
  readonly sha256: string;
}

/** The model file that ships with this program. */
export const ASSET: BuiltinAsset = { path: tinyModelPath, bytes: tinyModelBytes, sha256: SHA256 };

/** The source of the built-in model. It comes last, so any other model has precedence. */
export function builtinSource(
  cacheFolder: () => string,
  source: BuiltinAsset = ASSET,
): ModelSource {
  return { path: "(built in)", kind: "builtin", scan: () => scan(cacheFolder, source) };
}

async function scan(cacheFolder: () => string, source: BuiltinAsset): Promise<ScanResult> {
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
 * Returns the path of the built-in model. libllama needs a real file: the asset itself if it is a
 * file, otherwise a copy in the cache folder that is written once.
 *
 * @param cacheFolder Returns Shimmy's cache folder. It is called only if a copy is needed, and the
 * folder is then created.
 * @throws {ShimmyError} `backend` if the copy cannot be written.
 */
export async function builtinPath(
  cacheFolder: () => string,
  source: BuiltinAsset = ASSET,
): Promise<string> {
  const asset = source.path();
  return asset === null ? await unpack(cacheFolder(), source) : fileURLToPath(asset);
}

/** Returns the path of a copy with the right checksum. Writes the copy if there is none. */
async function unpack(cacheFolder: string, source: BuiltinAsset): Promise<string> {
  const folder = join(cacheFolder, "models");
  const path = join(folder, `${BUILTIN_NAME}-${source.sha256.slice(0, 12)}.gguf`);
  if (await checksumOf(path) === source.sha256) return path;
  // Each process writes to its own temporary name and then renames the file. Two processes that
  // start together therefore never see an incomplete copy.
  const temporary = `${path}.${crypto.randomUUID()}.incomplete`;
  try {
    const bytes = await source.bytes();
    if (await sha256(bytes) !== source.sha256) throw new Error("its checksum is wrong");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(temporary, bytes);
    await Deno.rename(temporary, path);
  } catch (cause) {
    await removeQuietly(temporary);
    // Windows refuses to replace a file that another process has open. That process has then
    // written the copy.
    if (await checksumOf(path) === source.sha256) return path;
    throw new ShimmyError(
      "backend",
      `Cannot write the built-in model to the cache folder: ${messageOf(cause)}`,
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
    // The file was never written, or is already removed.
  }
}
