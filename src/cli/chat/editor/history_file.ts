import { dirname } from "node:path";
import { withoutControls } from "../../output/mod.ts";
import { HISTORY_SIZE } from "./line_editor.ts";

/** Bytes at the end of the file that are read. */
const READ_BYTES = 8 * 1024 * 1024;

/** Characters of a message above which it is not kept: a few would make up the file. */
const LONGEST = 1024 * 1024;

/** Messages in a file that only the user can read: one JSON text a line, the latest last. */
export class HistoryFile {
  readonly #path: string | null;

  /** @param path `null`: messages are kept in memory only. */
  constructor(path: string | null) {
    this.#path = path;
  }

  /**
   * Earlier messages, the latest first. Lines that are no JSON texts are skipped, and so is a file that
   * cannot be read.
   */
  async read(): Promise<string[]> {
    if (this.#path === null) return [];
    const { lines, isWhole } = await lastLines(this.#path).catch(() => NOTHING);
    const messages = lines.flatMap(messageOf);
    const kept = messages.slice(-HISTORY_SIZE);
    // The file grows by one line a message; rewriting it rarely is enough.
    if (messages.length > 2 * HISTORY_SIZE || !isWhole) await replaceFile(this.#path, kept);
    return kept.reverse();
  }

  /** Adds a message, unless it is very long. */
  async add(message: string): Promise<void> {
    if (this.#path === null || message.length > LONGEST) return;
    await Deno.mkdir(dirname(this.#path), { recursive: true });
    const line = `${JSON.stringify(message)}\n`;
    await Deno.writeTextFile(this.#path, line, { append: true, mode: 0o600 });
  }
}

const NOTHING = { lines: [] as string[], isWhole: true };

/** The lines at the end of a file, and whether they are all. */
async function lastLines(path: string): Promise<typeof NOTHING> {
  using file = await Deno.open(path);
  const { size, isFile } = await file.stat();
  // Reading a pipe would wait for ever.
  if (!isFile) return NOTHING;
  const start = Math.max(0, size - READ_BYTES);
  await file.seek(start, Deno.SeekMode.Start);
  const bytes = new Uint8Array(size - start);
  let length = 0;
  while (length < bytes.length) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n");
  // The first line is a part of one.
  return { lines: start > 0 ? lines.slice(1) : lines, isWhole: start === 0 };
}

/** Replaces the file; one that cannot be written stays as it is. */
async function replaceFile(path: string, messages: readonly string[]): Promise<void> {
  const lines = messages.map((message) => `${JSON.stringify(message)}\n`).join("");
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    await Deno.writeTextFile(temporary, lines, { mode: 0o600 });
    await Deno.rename(temporary, path);
  } catch {
    await Deno.remove(temporary).catch(() => {});
  }
}

function messageOf(line: string): string[] {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === "string" ? [withoutControls(message)] : [];
  } catch {
    return [];
  }
}
