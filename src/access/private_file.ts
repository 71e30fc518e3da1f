import { dirname } from "@std/path";
import { renameComplete } from "../rename_complete.ts";

/** Mode of files that only their owner may read. Windows ignores it. */
const PRIVATE = 0o600;

/**
 * Writes a file that only its owner may read: beside its place, then renamed, so that a reader never sees
 * a part of it. Creates missing folders, which only the owner may enter.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await Deno.writeTextFile(temporary, text, { mode: PRIVATE, createNew: true });
    await renameComplete(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** The text of a file; null when the file does not exist. */
export async function readIfExists(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether other users of this machine may read a file. Always false on Windows. */
export async function isReadableByOthers(path: string): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => null);
  return info?.mode != null && (info.mode & 0o077) !== 0;
}
