import { messageOf, ShimmyError } from "../errors.ts";
import { hashFile } from "./hash.ts";
import { holdLock } from "./lock.ts";
import { Part, sizeOf } from "./part.ts";
import { type Authorization, Refusal, WrongFile } from "./request.ts";
import { Busy, StartOver, transfer } from "./transfer.ts";

export interface DownloadOptions {
  readonly url: string;
  /** What is fetched, for people. */
  readonly name: string;
  /** In bytes, where it is known; a server that sends another size is refused. */
  readonly size: number | null;
  /** In hexadecimal, where it is known; a file that has another is thrown away. */
  readonly sha256: string | null;
  /** Where the file goes once it is whole and checked. */
  readonly path: string;
  /** Where it is until then; on the same file system. @default {`${path}.part`} */
  readonly part?: string | undefined;
  /** A file that keeps others from downloading the same. What they brought already is taken. */
  readonly lock?: string | undefined;
  readonly authorization?: Authorization | undefined;
  /** Connections at once at most. @default {1} */
  readonly connections?: number | undefined;
  /** Bytes below which a piece is not worth a connection of its own. @default {8 MiB} */
  readonly smallestPiece?: number | undefined;
  /** What a status that is no success means, where it means more than its number. */
  readonly explain?: ((response: Response) => Error | null) | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which a connection is given up. @default {30_000} */
  readonly stallMs?: number | undefined;
  /** Milliseconds before the second attempt; twice that before the third. @default {1_000} */
  readonly retryMs?: number | undefined;
}

/** What a download is doing. Counts are of bytes. */
export type DownloadProgress =
  | { readonly phase: "receive" | "check"; readonly bytes: number; readonly total: number | null }
  /** Somebody else is downloading the same file. */
  | { readonly phase: "wait" };

/** Failures in a row, with nothing received in between, after which a download is given up. */
const ATTEMPTS = 4;
/** The longest that a server may make us wait. */
const LONGEST_WAIT_MS = 60_000;
const SMALLEST_PIECE = 8 * 1024 * 1024;
const STALL_MS = 30_000;
const RETRY_MS = 1_000;

/**
 * Downloads a file. What an earlier attempt left is continued where the server can and the file is the
 * same; a broken connection is tried again, continuing. Whoever cancels keeps what is there.
 *
 * @returns whether this call brought the file; false where somebody else did meanwhile
 * @throws {ShimmyError} `backend` with the reason; `cancelled` where the signal says so
 */
export async function download(options: DownloadOptions): Promise<boolean> {
  const { name, signal, lock, path } = options;
  try {
    if (lock === undefined) {
      await bring(options);
      return true;
    }
    const onWait = () => options.onProgress?.({ phase: "wait" });
    using _held = await holdLock(lock, { signal, onWait });
    const there = await sizeOf(path);
    if (there !== null && there === (options.size ?? there)) return false;
    await bring(options);
    return true;
  } catch (error) {
    if (signal?.aborted) {
      throw new ShimmyError("cancelled", `The download of ${name} was cancelled`, { cause: error });
    }
    if (error instanceof ShimmyError) throw error;
    throw failure(options, error);
  }
}

async function bring(options: DownloadOptions): Promise<void> {
  const { size, sha256, path, signal } = options;
  const part = await Part.open(options.part ?? `${path}.part`, { size, sha256 });
  let connections = options.connections ?? 1;
  let begun = part.bytes;
  for (let failures = 0;;) {
    const before = part.bytes;
    const resumed = before > 0;
    try {
      await transfer(part, {
        url: options.url,
        authorization: options.authorization,
        explain: options.explain,
        connections,
        smallestPiece: options.smallestPiece ?? SMALLEST_PIECE,
        stallMs: options.stallMs ?? STALL_MS,
        signal,
        onBytes: (bytes, total) => options.onProgress?.({ phase: "receive", bytes, total }),
      });
      await check(part, options, resumed);
      return await part.finish(path);
    } catch (error) {
      if (error instanceof WrongFile) await part.discard();
      if (signal?.aborted || isFinal(error)) throw error;
      if (error instanceof StartOver) {
        await part.discard();
        // A server that sends pieces only now and then is asked for the whole.
        if (begun === 0) connections = 1;
        begun = 0;
      }
      failures = part.bytes > before ? 1 : failures + 1;
      if (failures === ATTEMPTS) throw error;
      const patience = error instanceof Busy ? Math.min(error.retryAfterMs, LONGEST_WAIT_MS) : 0;
      await pause(Math.max(patience, (options.retryMs ?? RETRY_MS) * 2 ** (failures - 1)), signal);
    }
  }
}

/** What no other attempt can mend: what the server refuses, and a disk that is full or closed. */
function isFinal(error: unknown): boolean {
  return error instanceof Refusal || error instanceof ShimmyError || isFull(error) ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}

/** ENOSPC and EDQUOT, and ERROR_DISK_FULL of Windows. */
function isFull(error: unknown): boolean {
  return error instanceof Error && /os error (28|122|112)\b/.test(error.message);
}

function failure({ name, url }: DownloadOptions, cause: unknown): ShimmyError {
  // What `fetch` says is long and for the operator.
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

/** An address without what may be a secret in it. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

async function check(part: Part, options: DownloadOptions, resumed: boolean): Promise<void> {
  const { sha256, signal, onProgress } = options;
  if (sha256 === null) return;
  const total = part.size;
  const told = (bytes: number) => onProgress?.({ phase: "check", bytes, total });
  if (await hashFile(part.path, { onProgress: told, signal }) === sha256) return;
  // The start may have been another file's; a download in one piece would only come out the same again.
  throw resumed
    ? new StartOver("its checksum is wrong")
    : new WrongFile("its checksum is wrong: the server sends another file than expected");
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { delay } = await import("@std/async/delay");
  await delay(ms, signal ? { signal } : {});
}
