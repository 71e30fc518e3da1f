import { join } from "node:path";
import { fileReason, ShimmyError } from "../../../errors.ts";
import type { SavedConversation } from "./conversation.ts";
import { fromSaved, toSaved } from "./saved_messages.ts";

/** A name that is a file's name on every system. */
const NAME = /^(?!\.)[\w .-]{1,100}$/u;
const EXTENSION = ".json";

/** Conversations in files that only the user can read. */
export class SavedConversations {
  readonly #path: string | null;

  /** @param path The folder; `null`: there is none, and nothing can be saved. */
  constructor(path: string | null) {
    this.#path = path;
  }

  /** @throws {ShimmyError} `invalid` without a folder. */
  get #folder(): string {
    if (this.#path !== null) return this.#path;
    throw new ShimmyError("invalid", "There is no home folder for conversations; set HOME");
  }

  /**
   * Names of all conversations, the latest first.
   * @throws {ShimmyError} `invalid` if the folder cannot be read.
   */
  async list(): Promise<readonly { readonly name: string; readonly modified: Date | null }[]> {
    const folder = this.#folder;
    const saved: { name: string; modified: Date | null }[] = [];
    try {
      for await (const { name } of Deno.readDir(folder)) {
        if (!name.endsWith(EXTENSION)) continue;
        // A link can lead nowhere.
        const info = await Deno.stat(join(folder, name)).catch(() => null);
        if (!info?.isFile) continue;
        saved.push({ name: name.slice(0, -EXTENSION.length), modified: info.mtime });
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw new ShimmyError("invalid", `Cannot list the conversations: ${fileReason(error)}`);
    }
    return saved.sort((a, b) => Number(b.modified) - Number(a.modified));
  }

  /**
   * Saves a conversation, and replaces one of the same name.
   * @throws {ShimmyError} `invalid` for a name that is no file's name, and if the file cannot be written.
   */
  async save(name: string, { model, messages }: SavedConversation): Promise<void> {
    const path = this.#fileOf(name);
    const text = JSON.stringify({ model, messages: await toSaved(messages) }, null, 2);
    const temporary = `${path}.${crypto.randomUUID()}`;
    try {
      await Deno.mkdir(this.#folder, { recursive: true });
      await Deno.writeTextFile(temporary, text, { mode: 0o600 });
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw new ShimmyError("invalid", `Cannot save '${name}': ${fileReason(error)}`);
    }
  }

  /** @throws {ShimmyError} `not_found`; `invalid` for a file of another form, or one that cannot be read. */
  async load(name: string): Promise<SavedConversation> {
    const path = this.#fileOf(name);
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) {
        throw new ShimmyError("not_found", `There is no saved conversation '${name}'`);
      }
      throw new ShimmyError("invalid", `Cannot resume '${name}': ${fileReason(error)}`);
    }
    const saved = parsed(text);
    if (saved !== null) return saved;
    throw new ShimmyError("invalid", `Cannot resume '${name}': its file is no conversation`);
  }

  #fileOf(name: string): string {
    if (NAME.test(name)) return join(this.#folder, `${name}${EXTENSION}`);
    throw new ShimmyError(
      "invalid",
      `A name must have 1 to 100 letters, digits, spaces, hyphens, dots and underscores, not '${name}'`,
    );
  }
}

function parsed(text: string): SavedConversation | null {
  try {
    const { model, messages } = JSON.parse(text);
    if (typeof model !== "string" || !Array.isArray(messages)) return null;
    const read = messages.map(fromSaved);
    return read.every((message) => message !== null) ? { model, messages: read } : null;
  } catch {
    return null;
  }
}
