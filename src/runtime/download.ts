import { basename, dirname } from "@std/path";
import { messageOf, ShimmyError } from "../errors.ts";
import { hashFile } from "./install.ts";
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

const ATTEMPTS = 4;

/** A failure that another attempt cannot mend. */
class Refusal extends Error {}

/**
 * Downloads a file whose size and digest are known. What an earlier attempt left is continued where the
 * server can; a broken connection is tried again, continuing.
 *
 * @throws {ShimmyError} `backend` with the reason; `cancelled` where the signal says so
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { path, asset, signal } = options;
  await Deno.mkdir(dirname(path), { recursive: true });
  for (let attempt = 1;; attempt++) {
    try {
      const resumed = await sizeOf(`${path}.part`) > 0;
      await receive(options);
      await check(`${path}.part`, asset, resumed);
      return await Deno.rename(`${path}.part`, path);
    } catch (error) {
      if (signal?.aborted) {
        throw new ShimmyError("cancelled", `The download of ${asset.name} was cancelled`);
      }
      if (error instanceof Refusal || attempt === ATTEMPTS) throw failure(options, error);
    }
    await pause((options.retryMs ?? 1_000) * 2 ** (attempt - 1), signal);
  }
}

function failure({ asset, url }: DownloadOptions, cause: unknown): ShimmyError {
  // What `fetch` says is long and for the operator.
  const reason = cause instanceof TypeError ? "the connection failed" : messageOf(cause);
  return new ShimmyError("backend", `Cannot download ${asset.name}: ${reason}`, {
    detail: cause instanceof TypeError ? cause.message : url,
    cause,
  });
}

/** Brings the bytes that are missing. */
async function receive(options: DownloadOptions): Promise<void> {
  const { url, asset, path, onProgress } = options;
  const part = `${path}.part`;
  const have = await sizeOf(part);
  if (have === asset.size) return;
  if (have > asset.size) return await Deno.remove(part);

  const stall = new StallWatch(options.stallMs ?? 30_000, options.signal);
  try {
    const headers: HeadersInit = have > 0 ? { Range: `bytes=${have}-` } : {};
    const response = await fetch(url, { headers, signal: stall.signal });
    const start = await begin(response, have, part);
    using file = await Deno.open(part, { create: true, write: true, append: start > 0 });
    if (start === 0) await file.truncate();
    let bytes = start;
    onProgress?.({ what: basename(path), bytes, total: asset.size });
    for await (const chunk of response.body ?? []) {
      stall.moved();
      bytes += chunk.length;
      if (bytes > asset.size) throw new Refusal("the server sends another file than expected");
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
      onProgress?.({ what: basename(path), bytes, total: asset.size });
    }
    if (bytes < asset.size) throw new Error("the connection ended before the file did");
  } catch (error) {
    throw stall.stalled ? new Error("the server stopped sending", { cause: error }) : error;
  } finally {
    stall.stop();
  }
}

/** Where the answer's bytes begin. */
async function begin(response: Response, have: number, part: string): Promise<number> {
  const { status } = response;
  if (status === 200) return 0;
  if (status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${have}-`)) {
    return have;
  }
  await response.body?.cancel();
  if (status === 206 || status === 416) {
    await Deno.remove(part);
    throw new Error("the server cannot continue an earlier download");
  }
  const reason = `the server answers ${status}`;
  throw status === 429 || status >= 500 ? new Error(reason) : new Refusal(reason);
}

async function check(part: string, asset: Asset, resumed: boolean): Promise<void> {
  if (await sizeOf(part) !== asset.size) throw new Error("an earlier download did not fit");
  if (await hashFile(part) === asset.sha256) return;
  await Deno.remove(part);
  // The start may have been another file's; a download in one piece would only come out the same again.
  throw resumed ? new Error("its checksum is wrong") : new Refusal("its checksum is wrong");
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** Ends a request whose bytes stop coming. */
class StallWatch {
  readonly #controller = new AbortController();
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout>;
  readonly signal: AbortSignal;

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.#ms = ms;
    this.#timer = this.#start();
    this.signal = signal
      ? AbortSignal.any([signal, this.#controller.signal])
      : this.#controller.signal;
  }

  get stalled(): boolean {
    return this.#controller.signal.aborted;
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#controller.abort(), this.#ms);
  }

  moved(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { delay } = await import("@std/async/delay");
  await delay(ms, signal ? { signal } : {}).catch((cause) => {
    throw new ShimmyError("cancelled", "The download was cancelled", { cause });
  });
}
