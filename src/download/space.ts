import { dirname } from "node:path";
import { ShimmyError } from "../errors.ts";

/** Bytes that stay free: programs fail in unexpected ways on a completely full file system. */
const RESERVED_BYTES = 64 * 1024 * 1024;

/**
 * Free bytes for this process on the file system of a path. The path need not exist. Returns `null`
 * if the system or a missing permission does not allow the query.
 */
export async function freeSpace(path: string): Promise<number | null> {
  // Deno 2.4 has no `statfs` in `node:fs/promises`, and needs `--allow-sys` for it.
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
 * Checks that a download fits on the disk.
 *
 * @param needed Bytes to write.
 * @throws {ShimmyError} `backend` with the needed and the free bytes.
 */
export async function checkSpace(
  path: string,
  needed: number,
  free: (path: string) => Promise<number | null> = freeSpace,
): Promise<void> {
  const available = await free(path);
  if (available === null || needed + RESERVED_BYTES <= available) return;
  throw new ShimmyError(
    "backend",
    `Not enough disk space: ${formatBytes(needed)} needed, ${formatBytes(available)} free`,
    { detail: path },
  );
}

/** Formats bytes with enough digits to compare two values. */
function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(2)} ${units[unit]}`;
}
