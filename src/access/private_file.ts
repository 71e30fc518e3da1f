import { basename, dirname } from "node:path";
import { ShimmyError } from "../errors.ts";
import { renameComplete } from "../rename_complete.ts";

/** Mode of files that only their owner may read. Windows ignores it. */
const PRIVATE = 0o600;

/** Milliseconds to wait for the lock of another process. A stopped process (SIGSTOP) keeps its lock. */
const LOCK_MS = 10_000;

/**
 * Runs a change of a file, which reads the file and writes it again, while no other process changes it.
 * Without a lock, two processes could read the same text, and the second write would undo the first change,
 * such as a revocation. The lock is on the file `PATH.lock`, which is not removed.
 *
 * @throws {ShimmyError} `backend` if another process keeps the lock.
 */
export async function changeLocked<T>(path: string, change: () => Promise<T>): Promise<T> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await Deno.open(`${path}.lock`, { create: true, write: true, mode: PRIVATE });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(resolve, LOCK_MS, "late"));
  // Some network file systems have no locks.
  const locked = file.lock(true).catch(() => {});
  const outcome = await Promise.race([locked, late]);
  clearTimeout(timer);
  if (outcome === "late") {
    void locked.then(() => file.close());
    throw new ShimmyError("backend", "Another process is changing the keys and does not end", {
      detail: path,
    });
  }
  try {
    return await change();
  } finally {
    file.close();
  }
}

/**
 * Writes a file that only its owner may read. The text is written to another file, which then replaces this
 * one, so that a reader never sees a part of the text. Creates missing folders, which only the owner may enter.
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

/**
 * The text of a file; null when the file does not exist.
 *
 * @throws {ShimmyError} `backend` for a pipe, a socket or a device, which could be read without end.
 * @throws {Error} of `Deno.readTextFile`.
 */
export async function readIfExists(path: string): Promise<string | null> {
  try {
    const info = await Deno.stat(path);
    if (!info.isFile && !info.isDirectory) {
      const message = `Cannot read ${basename(path)}: not a regular file`;
      throw new ShimmyError("backend", message, { detail: path });
    }
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
