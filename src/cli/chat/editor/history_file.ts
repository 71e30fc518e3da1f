import { dirname } from "@std/path";
import { HISTORY_SIZE } from "./line_editor.ts";

/** Messages in a file that only the user can read: one JSON text a line, the latest last. */
export class HistoryFile {
  readonly #path: string | null;

  /** @param path `null`: messages are kept in memory only. */
  constructor(path: string | null) {
    this.#path = path;
  }

  /** Earlier messages, the latest first. Lines that are no JSON texts are skipped. */
  async read(): Promise<string[]> {
    if (this.#path === null) return [];
    const text = await Deno.readTextFile(this.#path).catch(() => "");
    const messages = text.split("\n").flatMap(messageOf);
    const kept = messages.slice(-HISTORY_SIZE);
    // The file grows by one line a message; rewriting it rarely is enough.
    if (messages.length > 2 * HISTORY_SIZE) await replaceFile(this.#path, kept);
    return kept.reverse();
  }

  /** Adds a message. */
  async add(message: string): Promise<void> {
    if (this.#path === null) return;
    await Deno.mkdir(dirname(this.#path), { recursive: true });
    const line = `${JSON.stringify(message)}\n`;
    await Deno.writeTextFile(this.#path, line, { append: true, mode: 0o600 });
  }
}

async function replaceFile(path: string, messages: readonly string[]): Promise<void> {
  const lines = messages.map((message) => `${JSON.stringify(message)}\n`).join("");
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(temporary, lines, { mode: 0o600 });
  await Deno.rename(temporary, path);
}

function messageOf(line: string): string[] {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === "string" ? [message] : [];
  } catch {
    return [];
  }
}
