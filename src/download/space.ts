import { dirname } from "@std/path";
import { ShimmyError } from "../errors.ts";

/** Kept free beside a download: a file system that is full to its last block fails in strange ways. */
const MARGIN = 64 * 1024 * 1024;

/**
 * Bytes that this process may still write where a path is or will be; `null` where the system or a
 * missing permission does not tell.
 */
export async function freeSpace(path: string): Promise<number | null> {
  // Deno 2.4 has it neither in `node:fs/promises` nor without `--allow-sys`.
  const { statfs } = await import("node:fs");
  for (let folder = path;; folder = dirname(folder)) {
    const free = await new Promise<number | null | "missing">((resolve) => {
      try {
        statfs(folder, (error, stats) => {
          if (error?.code === "ENOENT") resolve("missing");
          else resolve(error ? null : stats.bavail * stats.bsize);
        });
      } catch (error) {
        resolve(
          error instanceof Error && /ENOENT|os error [23]\b/.test(error.message) ? "missing" : null,
        );
      }
    });
    if (free !== "missing") return free;
    if (dirname(folder) === folder) return null;
  }
}

/**
 * Refuses a download that will not fit.
 *
 * @param needed bytes that will be written
 * @throws {ShimmyError} `backend`, telling how much is needed and how much is free
 */
export async function checkSpace(
  path: string,
  needed: number,
  free: (path: string) => Promise<number | null> = freeSpace,
): Promise<void> {
  const room = await free(path);
  if (room === null || needed + MARGIN <= room) return;
  throw new ShimmyError(
    "backend",
    `There is not enough free space: ${sized(needed)} are needed and ${sized(room)} are free`,
    { detail: path },
  );
}

/** Bytes as people write them, with enough digits to compare two of them. */
function sized(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(2)} ${units[unit]}`;
}
