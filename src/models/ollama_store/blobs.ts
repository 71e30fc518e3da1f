import { createHash } from "node:crypto";
import { encodeHex } from "@std/encoding/hex";
import { dirname, join } from "node:path";
import { checkSpace, removeIfThere, sizeOf } from "../../download/mod.ts";
import { hashFile } from "../../hash_file.ts";
import { ShimmyError } from "../../errors.ts";
import { renameComplete } from "../../rename_complete.ts";

/** A digest as Ollama's API writes it; its store also has it with a hyphen. */
const DIGEST = /^sha256[:-]([0-9a-f]{64})$/;

/** A blob of Ollama's store. */
export interface Blob {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly size: number;
  /** True if the blob was not there before. */
  readonly isNew: boolean;
}

/** The blobs of Ollama's store: files that are named by the digest of their content. */
export class Blobs {
  readonly #store: string;

  constructor(store: string) {
    this.#store = store;
  }

  /**
   * The path of a blob, whether it exists or not.
   * @throws {ShimmyError} `invalid` for a malformed digest.
   */
  path(digest: string): string {
    const hex = DIGEST.exec(digest)?.[1];
    if (hex === undefined) {
      throw new ShimmyError("invalid", "invalid digest format: must be sha256:<64 hex digits>", {
        field: "digest",
      });
    }
    return join(this.#store, "blobs", `sha256-${hex}`);
  }

  /** The size of a blob in bytes; null if it does not exist. */
  async size(digest: string): Promise<number | null> {
    return await sizeOf(this.path(digest));
  }

  /**
   * Stores content whose digest the sender names.
   *
   * @param length the announced size in bytes; null if unknown.
   * @returns False if the blob exists.
   * @throws {ShimmyError} `invalid` if the content has another digest.
   */
  async receive(
    digest: string,
    content: ReadableStream<Uint8Array> | null,
    length: number | null,
  ): Promise<boolean> {
    const path = this.path(digest);
    if (await sizeOf(path) !== null) {
      await content?.cancel();
      return false;
    }
    const part = await this.#part();
    await checkSpace(part, length ?? 0);
    const hash = createHash("sha256");
    try {
      using file = await Deno.open(part, { write: true, createNew: true });
      for await (const chunk of content ?? []) {
        hash.update(chunk);
        for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
      }
      const actual = `sha256:${hash.digest("hex")}`;
      if (actual !== digest.replace("-", ":")) {
        throw new ShimmyError(
          "invalid",
          `digest mismatch, expected "${digest}", got "${actual}"`,
          { field: "digest" },
        );
      }
    } catch (error) {
      await removeIfThere(part);
      throw error;
    }
    await this.#keep(part, path);
    return true;
  }

  /** Stores a text. */
  async add(text: string): Promise<Blob> {
    const bytes = new TextEncoder().encode(text);
    const digest = `sha256:${encodeHex(await crypto.subtle.digest("SHA-256", bytes))}`;
    const isNew = await this.size(digest) === null;
    if (isNew) {
      const part = await this.#part();
      await Deno.writeFile(part, bytes, { createNew: true });
      await this.#keep(part, this.path(digest));
    }
    return { digest, size: bytes.length, isNew };
  }

  /** Makes a file a blob without copying it: by a hard link, or a symbolic link to another disk. */
  async link(file: string): Promise<Blob> {
    const real = await Deno.realPath(file);
    const digest = `sha256:${await hashFile(real)}`;
    const { size } = await Deno.stat(real);
    const path = this.path(digest);
    if (await sizeOf(path) !== null) return { digest, size, isNew: false };
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.link(real, path).catch(() => Deno.symlink(real, path));
    return { digest, size, isNew: true };
  }

  /** The path of a file that is being written. Ollama removes unknown files in `blobs`. */
  async #part(): Promise<string> {
    const folder = join(this.#store, ".shimmy");
    await Deno.mkdir(folder, { recursive: true });
    return join(folder, `blob-${crypto.randomUUID()}`);
  }

  async #keep(part: string, path: string): Promise<void> {
    await Deno.mkdir(dirname(path), { recursive: true });
    await renameComplete(part, path);
  }
}
