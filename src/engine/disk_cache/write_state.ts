import { dirname } from "node:path";
import { statePieces, type StoredState } from "./state_file.ts";
import type { StateOrigin } from "./state_head.ts";

/** The end of the name of a file that is being written. */
export const UNFINISHED = ".tmp";
/** Unfinished files of processes that ended are removed after this time. */
export const UNFINISHED_MS = 3_600_000;
/** A file with what was said: only its owner may read it. */
const FILE = { write: true, createNew: true, mode: 0o600 };
const FOLDER = { recursive: true, mode: 0o700 };

/** The part of a file that writing needs. Tests replace it. */
export interface WritableFile extends Disposable {
  write(bytes: Uint8Array): Promise<number>;
}

/** Opens a new file for writing. */
export type OpenFile = (path: string) => Promise<WritableFile>;

const openFile: OpenFile = (path) => Deno.open(path, FILE);

/** Writing took longer than it may. */
export class WriteTimeout extends Error {}

/** A state is not for a file. The message can follow "because". */
export class CannotSave extends Error {}

/**
 * Writes a state to a temporary file and renames it, so that readers never see a partial file.
 *
 * @param deadline time of `performance.now()` after which writing stops
 * @returns bytes of the file
 * @throws {WriteTimeout} after the deadline
 * @throws {Error} of the system, such as a full disk.
 */
export async function writeState(
  path: string,
  stored: StoredState,
  origin: StateOrigin,
  deadline = Infinity,
  open: OpenFile = openFile,
): Promise<number> {
  await Deno.mkdir(dirname(path), FOLDER);
  const temporary = temporaryOf(path);
  try {
    let size = 0;
    {
      using file = await open(temporary);
      for (const piece of statePieces(stored, origin)) {
        for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
        size += piece.length;
        if (performance.now() > deadline) throw new WriteTimeout("Writing took too long");
      }
    }
    await Deno.rename(temporary, path);
    return size;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Like `writeState`, before it returns. */
export function writeStateSync(path: string, stored: StoredState, origin: StateOrigin): void {
  Deno.mkdirSync(dirname(path), FOLDER);
  const temporary = temporaryOf(path);
  try {
    {
      using file = Deno.openSync(temporary, FILE);
      for (const piece of statePieces(stored, origin)) {
        for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
      }
    }
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // The file was not created.
    }
    throw error;
  }
}

function temporaryOf(path: string): string {
  return `${path}.${crypto.randomUUID()}${UNFINISHED}`;
}

/** Reason of a failed write for users. The message of the system has paths. */
export function reasonOf(error: unknown): string {
  if (error instanceof CannotSave) return error.message;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full";
  const { PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof PermissionDenied || error instanceof NotCapable || code === "EROFS") {
    return "the server may not write to its folder";
  }
  return "the server cannot write its file";
}
