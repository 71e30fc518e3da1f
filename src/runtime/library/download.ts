import { basename } from "@std/path";
import { download as downloadFile } from "../../download/mod.ts";
import type { Asset } from "./release.ts";

/** How far fetching has come. */
export interface Progress {
  /** What is fetched, for people. */
  readonly what: string;
  /** Bytes that are here. */
  readonly bytes: number;
  /** Bytes in all, or `null` where that is not known. */
  readonly total: number | null;
}

export interface DownloadOptions {
  readonly url: string;
  readonly asset: Asset;
  /** Where the file goes; while it is not whole and checked it is `PATH.part`. */
  readonly path: string;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which the connection is given up. @default {30_000} */
  readonly stallMs?: number | undefined;
  /** Milliseconds before the second attempt; twice that before the third. @default {1_000} */
  readonly retryMs?: number | undefined;
}

/**
 * Downloads a file whose size and digest are known. What an earlier attempt left is continued where the
 * server can; a broken connection is tried again, continuing.
 *
 * @throws {ShimmyError} `backend` with the reason; `cancelled` where the signal says so
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { asset, path, onProgress, url, signal, stallMs, retryMs } = options;
  await downloadFile({
    url,
    name: asset.name,
    size: asset.size,
    sha256: asset.sha256,
    path,
    signal,
    stallMs,
    retryMs,
    onProgress: (progress) => {
      if (progress.phase !== "receive") return;
      onProgress?.({ what: basename(path), bytes: progress.bytes, total: progress.total });
    },
  });
}
