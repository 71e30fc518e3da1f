import type { Part } from "./part.ts";
import { type Region, Regions } from "./regions.ts";
import {
  type Authorization,
  PermanentError,
  request,
  StallTimer,
  UnexpectedFileError,
} from "./request.ts";

/** Source and options of a transfer. */
export interface Source {
  readonly url: string;
  readonly authorization?: Authorization | undefined;
  /** Maximum number of parallel connections. */
  readonly connections: number;
  /** Minimum bytes for a connection of its own. */
  readonly minPieceBytes: number;
  /** Milliseconds without a byte after which a connection is closed. */
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Explains an error status, or returns null to report the status itself. */
  readonly explain?: ((response: Response) => Error | null) | undefined;
  readonly onBytes: (bytes: number, total: number | null) => void;
}

/** The part cannot be resumed. The next attempt has to start from the beginning. */
export class RestartRequired extends Error {}

/** The server asks for a later retry. */
export class ServerBusy extends Error {
  constructor(message: string, readonly retryAfterMs: number) {
    super(message);
  }
}

/**
 * Downloads the missing ranges of a part, over several connections if the server supports ranges.
 */
export async function transfer(part: Part, source: Source): Promise<void> {
  if (part.isComplete) return;
  const stop = new AbortController();
  const signal = source.signal ? AbortSignal.any([source.signal, stop.signal]) : stop.signal;
  const transfer = new Transfer(part, { ...source, signal });
  const others: Promise<void>[] = [];
  // The first failure aborts the other connections. Their errors are ignored.
  const abortOnError = (work: Promise<void>) =>
    work.catch((error) => {
      if (!stop.signal.aborted) stop.abort(error);
    });
  await abortOnError(transfer.runFirst(() => {
    for (let i = 1; i < source.connections; i++) others.push(abortOnError(transfer.runOther()));
  }));
  await Promise.all(others);
  // A part that is discarded needs no journal.
  if (!(stop.signal.reason instanceof RestartRequired) && part.bytes > 0) await part.save();
  if (source.signal?.aborted) source.signal.throwIfAborted();
  if (stop.signal.aborted) throw stop.signal.reason;
}

class Transfer {
  readonly #part: Part;
  readonly #source: Source;
  #regions: Regions;

  constructor(part: Part, source: Source) {
    this.#part = part;
    this.#source = source;
    this.#regions = new Regions(part.gaps, source.minPieceBytes);
  }

  /**
   * Runs the first connection, which detects the server's capabilities.
   *
   * @param startOthers Starts the other connections.
   */
  async runFirst(startOthers: () => void): Promise<void> {
    let started = false;
    for (let region; (region = this.#regions.take()) !== null;) {
      const taken: Region = region;
      await this.#requestRegion(taken, async (response) => {
        const target = await this.#acceptFirst(response, taken);
        if (this.#regions.supportsRanges && !started) {
          started = true;
          await this.#part.save();
          startOthers();
        }
        return target;
      });
    }
  }

  /**
   * Runs another connection. If the server does not send a range after all, the first connection
   * takes its region.
   */
  async runOther(): Promise<void> {
    for (let region; (region = this.#regions.take()) !== null;) {
      const taken: Region = region;
      let refused = false;
      await this.#requestRegion(taken, (response) => {
        if (this.#isRangeOf(response, taken)) return Promise.resolve(taken);
        refused = true;
        this.#regions.supportsRanges = false;
        this.#regions.release(taken);
        return Promise.resolve(null);
      });
      if (refused) return;
    }
  }

  /** Requests a region and writes the response to the region that `accept` returns. */
  async #requestRegion(
    region: Region,
    accept: (response: Response) => Promise<Region | null>,
  ): Promise<void> {
    const { url, authorization, stallMs, signal } = this.#source;
    const stall = new StallTimer(stallMs, signal);
    try {
      const headers = this.#headers(region);
      const response = await request(url, { headers, authorization, signal: stall.signal });
      let target: Region | null = null;
      try {
        target = await accept(response);
      } finally {
        if (target === null) await response.body?.cancel();
      }
      if (target !== null) await this.#receive(response, target, stall);
    } catch (error) {
      throw stall.stalled ? new Error("the server stopped sending", { cause: error }) : error;
    } finally {
      stall.stop();
    }
  }

  #headers({ at, end }: Region): HeadersInit {
    const { size, validator, identity } = this.#part;
    // Compressed bytes would not match offsets in the file.
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (at === 0 && (end === Infinity || end === size)) return headers;
    headers.range = `bytes=${at}-${end === Infinity || end === size ? "" : end - 1}`;
    // With a checksum the validator is not needed, and mirrors of one file may have different
    // validators.
    if (identity.sha256 === null && validator !== null) headers["if-range"] = validator;
    return headers;
  }

  /** Evaluates the first response of an attempt. Returns the region of its bytes. */
  async #acceptFirst(response: Response, region: Region): Promise<Region> {
    const part = this.#part;
    const { status, headers } = response;
    if (status === 200) {
      const whole = region.at === 0 && region.end >= (part.size ?? Infinity);
      if (!whole) {
        // The server sends the file from the start: it does not support ranges, or the file has
        // changed.
        if (this.#regions.active > 1) throw new RestartRequired("the server restarted the file");
        await part.discard();
        this.#regions = new Regions(part.gaps, this.#source.minPieceBytes);
      }
      this.#recordFile(lengthOf(response), validatorOf(headers));
      this.#regions.supportsRanges = headers.get("accept-ranges") === "bytes" && part.size !== null;
      if (whole) {
        region.end = part.size ?? Infinity;
        return region;
      }
      const all = this.#regions.take()!;
      all.end = part.size ?? Infinity;
      return all;
    }
    if (status === 206) {
      if (!this.#isRangeOf(response, region)) {
        throw new RestartRequired("the server cannot resume the download");
      }
      this.#recordFile(totalOf(headers), validatorOf(headers));
      this.#regions.supportsRanges = part.size !== null;
      return region;
    }
    if (status === 416) throw new RestartRequired("the server cannot resume the download");
    throw this.#failure(response);
  }

  /** True if a response has the bytes of a region of the same file. */
  #isRangeOf({ status, headers }: Response, { at }: Region): boolean {
    const { size, validator, identity } = this.#part;
    if (status !== 206 || !headers.get("content-range")?.startsWith(`bytes ${at}-`)) return false;
    const total = totalOf(headers);
    if (total !== null && size !== null && total !== size) return false;
    const now = validatorOf(headers);
    return identity.sha256 !== null || now === null || validator === null || now === validator;
  }

  #recordFile(size: number | null, validator: string | null): void {
    const part = this.#part;
    if (part.identity.size !== null && size !== null && size !== part.identity.size) {
      throw new UnexpectedFileError("the server sent a different file than expected");
    }
    part.size ??= size;
    part.validator ??= validator;
  }

  #failure(response: Response): Error {
    const { status, headers } = response;
    const explained = this.#source.explain?.(response);
    if (explained) return explained;
    const reason = `the server answered with status ${status}`;
    if (status !== 408 && status !== 429 && status < 500) return new PermanentError(reason);
    const seconds = Number(headers.get("retry-after") ?? 0);
    return new ServerBusy(reason, Number.isFinite(seconds) ? seconds * 1000 : 0);
  }

  async #receive(response: Response, region: Region, stall: StallTimer): Promise<void> {
    const part = this.#part;
    using file = await part.writer(region.at);
    this.#source.onBytes(part.bytes, part.size);
    for await (const chunk of response.body ?? []) {
      stall.reset();
      const room = region.end - region.at;
      if (chunk.length > room && region.end === part.size) {
        throw new UnexpectedFileError("the server sent a different file than expected");
      }
      const bytes = chunk.subarray(0, Math.min(chunk.length, room));
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      part.markWritten({ start: region.at, end: region.at + bytes.length });
      region.at += bytes.length;
      this.#source.onBytes(part.bytes, part.size);
      if (bytes.length === room && region.end !== part.size) break;
    }
    if (region.end === Infinity) part.size = region.end = region.at;
    if (region.at < region.end) throw new Error("the connection closed before the end of the file");
    this.#regions.complete(region);
  }
}

function lengthOf({ headers }: Response): number | null {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? null : Number(length);
}

function totalOf(headers: Headers): number | null {
  const total = /\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
  return total === undefined ? null : Number(total);
}

/** A weak `ETag` does not guarantee identical bytes. Source: RFC 9110, 8.8 and 13.1.5. */
function validatorOf(headers: Headers): string | null {
  const etag = headers.get("etag");
  return etag !== null && etag.startsWith('"') ? etag : headers.get("last-modified");
}
