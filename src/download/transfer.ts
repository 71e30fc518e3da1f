import type { Part } from "./part.ts";
import { type Region, Regions } from "./regions.ts";
import { type Authorization, Refusal, request, StallTimer, WrongFile } from "./request.ts";

/** Where bytes come from and how. */
export interface Source {
  readonly url: string;
  readonly authorization?: Authorization | undefined;
  /** Connections at once at most. */
  readonly connections: number;
  /** Bytes below which a piece is not worth a connection of its own. */
  readonly smallestPiece: number;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What a status that is no success means, where it means more than its number. */
  readonly explain?: ((response: Response) => Error | null) | undefined;
  readonly onBytes: (bytes: number, total: number | null) => void;
}

/** What is there cannot be continued: another attempt has to begin anew. */
export class StartOver extends Error {}

/** A server that asks to be left alone for a while. */
export class Busy extends Error {
  constructor(message: string, readonly retryAfterMs: number) {
    super(message);
  }
}

/** Brings what a part lacks, over one connection, or over several where the server sends pieces. */
export async function transfer(part: Part, source: Source): Promise<void> {
  if (part.whole) return;
  const stop = new AbortController();
  const signal = source.signal ? AbortSignal.any([source.signal, stop.signal]) : stop.signal;
  const run = new Transfer(part, { ...source, signal });
  const others: Promise<void>[] = [];
  // The first failure ends the others; what they then say is of no interest.
  const guarded = (work: Promise<void>) =>
    work.catch((error) => {
      if (!stop.signal.aborted) stop.abort(error);
    });
  await guarded(run.lead(() => {
    for (let i = 1; i < source.connections; i++) others.push(guarded(run.follow()));
  }));
  await Promise.all(others);
  // A part that is thrown away needs no journal.
  if (!(stop.signal.reason instanceof StartOver) && part.bytes > 0) await part.save();
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
    this.#regions = new Regions(part.gaps, source.smallestPiece);
  }

  /** The first connection, which finds out what the server can; @param fork starts the others */
  async lead(fork: () => void): Promise<void> {
    let forked = false;
    for (let region; (region = this.#regions.take()) !== null;) {
      const taken: Region = region;
      await this.#ask(taken, async (response) => {
        const target = await this.#begin(response, taken);
        if (this.#regions.divisible && !forked) {
          forked = true;
          await this.#part.save();
          fork();
        }
        return target;
      });
    }
  }

  /** Any other connection. One whose server does not send a piece after all leaves it to the first. */
  async follow(): Promise<void> {
    for (let region; (region = this.#regions.take()) !== null;) {
      const taken: Region = region;
      let refused = false;
      await this.#ask(taken, (response) => {
        if (this.#fits(response, taken)) return Promise.resolve(taken);
        refused = true;
        this.#regions.divisible = false;
        this.#regions.giveBack(taken);
        return Promise.resolve(null);
      });
      if (refused) return;
    }
  }

  /** Sends a request for a region and writes what comes to where `accept` says. */
  async #ask(
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
    // Without it a server may pack the bytes, and offsets into the file would mean nothing.
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (at === 0 && (end === Infinity || end === size)) return headers;
    headers.range = `bytes=${at}-${end === Infinity || end === size ? "" : end - 1}`;
    // A checksum decides in the end, and mirrors of one file may differ in what they call its state.
    if (identity.sha256 === null && validator !== null) headers["if-range"] = validator;
    return headers;
  }

  /** Takes the first answer of an attempt: what it says of the file, and where its bytes belong. */
  async #begin(response: Response, region: Region): Promise<Region> {
    const part = this.#part;
    const { status, headers } = response;
    if (status === 200) {
      const whole = region.at === 0 && region.end >= (part.size ?? Infinity);
      if (!whole) {
        // The server begins anew: it cannot send pieces, or its file has changed.
        if (this.#regions.active > 1) throw new StartOver("the server begins the file anew");
        await part.discard();
        this.#regions = new Regions(part.gaps, this.#source.smallestPiece);
      }
      this.#learn(lengthOf(response), validatorOf(headers));
      this.#regions.divisible = headers.get("accept-ranges") === "bytes" && part.size !== null;
      if (whole) {
        region.end = part.size ?? Infinity;
        return region;
      }
      const all = this.#regions.take()!;
      all.end = part.size ?? Infinity;
      return all;
    }
    if (status === 206) {
      if (!this.#fits(response, region)) {
        throw new StartOver("the server cannot continue an earlier download");
      }
      this.#learn(totalOf(headers), validatorOf(headers));
      this.#regions.divisible = part.size !== null;
      return region;
    }
    if (status === 416) throw new StartOver("the server cannot continue an earlier download");
    throw this.#failure(response);
  }

  /** True when an answer holds the bytes of a region, of the same file as before. */
  #fits({ status, headers }: Response, { at }: Region): boolean {
    const { size, validator, identity } = this.#part;
    if (status !== 206 || !headers.get("content-range")?.startsWith(`bytes ${at}-`)) return false;
    const total = totalOf(headers);
    if (total !== null && size !== null && total !== size) return false;
    const now = validatorOf(headers);
    return identity.sha256 !== null || now === null || validator === null || now === validator;
  }

  #learn(size: number | null, validator: string | null): void {
    const part = this.#part;
    if (part.identity.size !== null && size !== null && size !== part.identity.size) {
      throw new WrongFile("the server sends another file than expected");
    }
    part.size ??= size;
    part.validator ??= validator;
  }

  #failure(response: Response): Error {
    const { status, headers } = response;
    const told = this.#source.explain?.(response);
    if (told) return told;
    const reason = `the server answered with status ${status}`;
    if (status !== 408 && status !== 429 && status < 500) return new Refusal(reason);
    const seconds = Number(headers.get("retry-after") ?? 0);
    return new Busy(reason, Number.isFinite(seconds) ? seconds * 1000 : 0);
  }

  async #receive(response: Response, region: Region, stall: StallTimer): Promise<void> {
    const part = this.#part;
    using file = await part.writer(region.at);
    this.#source.onBytes(part.bytes, part.size);
    for await (const chunk of response.body ?? []) {
      stall.reset();
      const room = region.end - region.at;
      if (chunk.length > room && region.end === part.size) {
        throw new WrongFile("the server sends another file than expected");
      }
      const bytes = chunk.subarray(0, Math.min(chunk.length, room));
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      part.mark({ start: region.at, end: region.at + bytes.length });
      region.at += bytes.length;
      this.#source.onBytes(part.bytes, part.size);
      if (bytes.length === room && region.end !== part.size) break;
    }
    if (region.end === Infinity) part.size = region.end = region.at;
    if (region.at < region.end) throw new Error("the connection ended before the file did");
    this.#regions.filled(region);
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

/** A weak `ETag` promises the same meaning and not the same bytes. Source: RFC 9110, 8.8 and 13.1.5. */
function validatorOf(headers: Headers): string | null {
  const etag = headers.get("etag");
  return etag !== null && etag.startsWith('"') ? etag : headers.get("last-modified");
}
