import { messageOf, ShimmyError } from "../errors.ts";
import { hashFile } from "../hash_file.ts";
import { holdLock } from "./lock.ts";
import { Part, sizeOf } from "./part.ts";
import { type Authorization, PermanentError, UnexpectedFileError } from "./request.ts";
import { RestartRequired, ServerBusy, transfer } from "./transfer.ts";

export interface DownloadOptions {
  readonly url: string;
  /** Display name of the file. */
  readonly name: string;
  /** Size in bytes, or null if unknown. Another size is an error. */
  readonly size: number | null;
  /** SHA-256 in hexadecimal, or null if unknown. A file with another checksum is discarded. */
  readonly sha256: string | null;
  /** Final path of the complete and verified file. */
  readonly path: string;
  /**
   * Path of the incomplete file, on the same file system.
   * @default {`${path}.part`}
   */
  readonly part?: string | undefined;
  /**
   * Lock file that stops other processes from downloading the same file. If another process
   * finishes first, its file is used.
   */
  readonly lock?: string | undefined;
  readonly authorization?: Authorization | undefined;
  /**
   * Maximum number of parallel connections.
   * @default {1}
   */
  readonly connections?: number | undefined;
  /**
   * Minimum bytes for a connection of its own.
   * @default {8 MiB}
   */
  readonly minPieceBytes?: number | undefined;
  /** Explains an error status, or returns null to report the status itself. */
  readonly explain?: ((response: Response) => Error | null) | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds without a byte after which a connection is closed.
   * @default {30_000}
   */
  readonly stallMs?: number | undefined;
  /**
   * Milliseconds before the second attempt. The delay doubles for each further attempt.
   * @default {1_000}
   */
  readonly retryMs?: number | undefined;
}

/** Progress of a download. Counts are in bytes. */
export type DownloadProgress =
  | { readonly phase: "receive" | "check"; readonly bytes: number; readonly total: number | null }
  /** Another download of the same file is running. */
  | { readonly phase: "wait" };

/** Consecutive failures without progress after which a download fails. */
const MAX_FAILURES = 4;
/** Maximum delay for a server's `Retry-After`. */
const MAX_RETRY_AFTER_MS = 60_000;
const MIN_PIECE_BYTES = 8 * 1024 * 1024;
const STALL_TIMEOUT_MS = 30_000;
const RETRY_MS = 1_000;

/**
 * Downloads a file. It resumes an earlier attempt if the server supports that and the file is
 * unchanged, and it retries after connection failures. A cancelled download keeps its incomplete
 * file.
 *
 * @returns True if this call downloaded the file, false if another download did.
 * @throws {ShimmyError} `backend` with the reason; `cancelled` if the signal is aborted.
 */
export async function download(options: DownloadOptions): Promise<boolean> {
  const { name, signal, lock, path } = options;
  try {
    if (lock === undefined) {
      await downloadWithRetries(options);
      return true;
    }
    const onWait = () => options.onProgress?.({ phase: "wait" });
    using _lock = await holdLock(lock, { signal, onWait });
    const existing = await sizeOf(path);
    if (existing !== null && existing === (options.size ?? existing)) return false;
    await downloadWithRetries(options);
    return true;
  } catch (error) {
    if (signal?.aborted) {
      throw new ShimmyError("cancelled", `Download of ${name} cancelled`, { cause: error });
    }
    if (error instanceof ShimmyError) throw error;
    throw failure(options, error);
  }
}

async function downloadWithRetries(options: DownloadOptions): Promise<void> {
  const { size, sha256, path, signal } = options;
  const part = await Part.open(options.part ?? `${path}.part`, { size, sha256 });
  let connections = options.connections ?? 1;
  let resumedBytes = part.bytes;
  for (let failures = 0;;) {
    const before = part.bytes;
    const resumed = before > 0;
    try {
      await transfer(part, {
        url: options.url,
        authorization: options.authorization,
        explain: options.explain,
        connections,
        minPieceBytes: options.minPieceBytes ?? MIN_PIECE_BYTES,
        stallMs: options.stallMs ?? STALL_TIMEOUT_MS,
        signal,
        onBytes: (bytes, total) => options.onProgress?.({ phase: "receive", bytes, total }),
      });
      await verify(part, options, resumed);
      return await part.finish(path);
    } catch (error) {
      if (error instanceof UnexpectedFileError) await part.discard();
      if (signal?.aborted || isFinal(error)) throw error;
      if (error instanceof RestartRequired) {
        await part.discard();
        // If the server accepts ranges only sometimes, the next attempt uses one connection.
        if (resumedBytes === 0) connections = 1;
        resumedBytes = 0;
      }
      failures = part.bytes > before ? 1 : failures + 1;
      if (failures === MAX_FAILURES) throw error;
      const serverDelay = error instanceof ServerBusy
        ? Math.min(error.retryAfterMs, MAX_RETRY_AFTER_MS)
        : 0;
      await pause(
        Math.max(serverDelay, (options.retryMs ?? RETRY_MS) * 2 ** (failures - 1)),
        signal,
      );
    }
  }
}

/**
 * Failures that a retry cannot solve: a refusal of the server, a full disk, missing permissions.
 */
function isFinal(error: unknown): boolean {
  return error instanceof PermanentError || error instanceof ShimmyError || isFull(error) ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}

/** ENOSPC and EDQUOT, and ERROR_DISK_FULL on Windows. */
function isFull(error: unknown): boolean {
  return error instanceof Error && /os error (28|122|112)\b/.test(error.message);
}

function failure({ name, url }: DownloadOptions, cause: unknown): ShimmyError {
  // The message of `fetch` is long and belongs in the detail.
  const reason = isFull(cause)
    ? "the disk is full"
    : cause instanceof TypeError
    ? "the connection failed"
    : messageOf(cause);
  return new ShimmyError("backend", `Cannot download ${name}: ${reason}`, {
    detail: cause instanceof TypeError ? cause.message : withoutQuery(url),
    cause,
  });
}

/** A URL without its query, which may contain a secret. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

async function verify(part: Part, options: DownloadOptions, resumed: boolean): Promise<void> {
  const { sha256, signal, onProgress } = options;
  if (sha256 === null) return;
  const total = part.size;
  const onHashed = (bytes: number) => onProgress?.({ phase: "check", bytes, total });
  if (await hashFile(part.path, { onProgress: onHashed, signal }) === sha256) return;
  // After a resume, the start may be from another file, so the download restarts. A complete
  // download would only give the same bytes again.
  throw resumed ? new RestartRequired("its checksum is wrong") : new UnexpectedFileError(
    "its checksum is wrong: the server sent a different file than expected",
  );
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { delay } = await import("@std/async/delay");
  await delay(ms, signal ? { signal } : {});
}
