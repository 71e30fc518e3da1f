import { basename } from "node:path";
import { download as downloadFile } from "../../download/mod.ts";
import type { Asset } from "./release.ts";

/** Progress of a download. */
export interface Progress {
  /** Display name of the file. */
  readonly what: string;
  /** Bytes received. */
  readonly bytes: number;
  /** Total bytes, or `null` if unknown. */
  readonly total: number | null;
}

export interface DownloadOptions {
  readonly url: string;
  readonly asset: Asset;
  /** Final path. The incomplete file is `PATH.part`. */
  readonly path: string;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds without a byte after which the connection is closed.
   * @default {30_000}
   */
  readonly stallMs?: number | undefined;
  /**
   * Milliseconds before the second attempt. The delay doubles for each further attempt.
   * @default {1_000}
   */
  readonly retryMs?: number | undefined;
}

/**
 * Downloads a file of known size and digest. It resumes an earlier attempt if the server supports
 * that, and it retries after connection failures.
 *
 * @throws {ShimmyError} `backend` with the reason; `cancelled` if the signal is aborted.
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
