import { messageOf } from "../errors.ts";

/** A line of the audit log. It has no text of prompts and answers. */
export type AuditLine = Readonly<Record<string, string | number | null>>;

/** Lines that wait for a slow disk; more are dropped and counted. */
const MAX_WAITING = 10_000;
/** Milliseconds between two messages about lines that cannot be written. */
const REPORT_MS = 60_000;

/** Messages about the log itself. */
export interface AuditObserver {
  /** Lines could not be written; called at most once a minute. */
  failed(message: string): void;
  /** Lines are written again. */
  recovered(message: string): void;
}

/**
 * Appends JSON lines to a file that only its owner may read. A file that was renamed or removed, as log
 * rotation does, is opened anew. Lines that cannot be written are counted and reported; requests never
 * wait for the log and never fail because of it.
 */
export class AuditLog implements AsyncDisposable {
  readonly #path: string;
  readonly #observer: AuditObserver;
  #file: Deno.FsFile;
  #waiting: string[] = [];
  #writing: Promise<void> | null = null;
  #lost = 0;
  #reported = -Infinity;
  /** A write ended within a line. */
  #isBroken = false;

  private constructor(path: string, file: Deno.FsFile, observer: AuditObserver) {
    this.#path = path;
    this.#file = file;
    this.#observer = observer;
  }

  /** Opens the file, and creates it if it does not exist. @throws {Error} of `Deno.open`. */
  static async open(path: string, observer: AuditObserver): Promise<AuditLog> {
    return new AuditLog(path, await open(path), observer);
  }

  /** Appends a line. Returns at once. */
  write(line: AuditLine): void {
    if (this.#waiting.length >= MAX_WAITING) return this.#lose(1, "the disk is too slow");
    this.#waiting.push(`${JSON.stringify(line)}\n`);
    this.#writing ??= this.#flush();
  }

  /** Writes the waiting lines and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    this.#file.close();
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      try {
        await this.#follow();
        await this.#append(lines.join(""));
        this.#recover();
      } catch (error) {
        this.#lose(lines.length, messageOf(error));
      }
    }
    this.#writing = null;
  }

  async #append(text: string): Promise<void> {
    let bytes = new TextEncoder().encode(this.#isBroken ? `\n${text}` : text);
    this.#isBroken = false;
    let written = 0;
    try {
      while (bytes.length > 0) {
        written = await this.#file.write(bytes);
        bytes = bytes.subarray(written);
        this.#isBroken = bytes.length > 0;
      }
    } catch (error) {
      this.#isBroken = this.#isBroken || written > 0;
      throw error;
    }
  }

  /** Opens the file anew when its path leads to another file, or to none. */
  async #follow(): Promise<void> {
    const [own, there] = await Promise.all([
      this.#file.stat(),
      Deno.stat(this.#path).catch(() => null),
    ]);
    // Windows has no inodes here, and does not let anybody rename an open file.
    if (there !== null && there.ino === own.ino && there.dev === own.dev) return;
    const next = await open(this.#path);
    this.#file.close();
    this.#file = next;
    this.#isBroken = false;
  }

  #lose(count: number, reason: string): void {
    this.#lost += count;
    const now = performance.now();
    if (now - this.#reported < REPORT_MS) return;
    this.#reported = now;
    this.#observer.failed(`Cannot write the audit log: ${reason}; ${this.#lost} lines are lost`);
  }

  #recover(): void {
    if (this.#lost === 0) return;
    this.#observer.recovered(`The audit log is written again; ${this.#lost} lines are lost`);
    this.#lost = 0;
    this.#reported = -Infinity;
  }
}

function open(path: string): Promise<Deno.FsFile> {
  return Deno.open(path, { create: true, append: true, mode: 0o600 });
}
