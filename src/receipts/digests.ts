import { join } from "node:path";
import { hashFile } from "../hash_file.ts";
import { ShimmyError } from "../errors.ts";
import { ownCommand } from "../own_command.ts";
import { readIfExists, writePrivateFile } from "../access/mod.ts";

/** The hidden command that computes digests. */
const DIGEST_COMMAND = "__digest";

/** Files whose digests are kept on disk. */
const MAX_KEPT = 1000;

/** A digest and what it was computed from. */
interface Known {
  readonly size: number;
  readonly modified: number;
  readonly sha256: string;
}

/** Computes the SHA-256 of a file in hexadecimal. */
export type HashFile = (path: string) => Promise<string>;

/**
 * SHA-256 of model files. A digest is computed once for a path, size and modification time, and kept in
 * a file of the cache folder.
 */
export class FileDigests {
  readonly #path: string | null;
  readonly #hash: HashFile;
  readonly #running = new Map<string, Promise<string>>();
  #known: Promise<Map<string, Known>> | null = null;

  /**
   * @param cacheFolder Null: digests are kept in memory only.
   * @param hash By default in another process, so that this thread stays free.
   */
  constructor(cacheFolder: string | null, hash: HashFile = hashInProcess) {
    this.#path = cacheFolder === null ? null : join(cacheFolder, "digests.json");
    this.#hash = hash;
  }

  /** The digest of a file. @throws {ShimmyError} `backend` if the file cannot be read. */
  async of(path: string): Promise<string> {
    const { size, mtime } = await Deno.stat(path).catch((cause) => {
      throw new ShimmyError("backend", "A file of the model cannot be read", {
        detail: path,
        cause,
      });
    });
    const modified = mtime?.getTime() ?? 0;
    const known = (await (this.#known ??= this.#read())).get(path);
    if (known?.size === size && known.modified === modified) return known.sha256;
    const key = JSON.stringify([path, size, modified]);
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#compute(path, size, modified).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    return await running;
  }

  async #compute(path: string, size: number, modified: number): Promise<string> {
    const sha256 = await this.#hash(path);
    const known = await (this.#known ??= this.#read());
    known.delete(path);
    known.set(path, { size, modified, sha256 });
    if (known.size > MAX_KEPT) known.delete(known.keys().next().value!);
    // Without a place to keep it, the digest is computed again after a restart.
    if (this.#path !== null) {
      await writePrivateFile(this.#path, JSON.stringify([...known])).catch(() => {});
    }
    return sha256;
  }

  async #read(): Promise<Map<string, Known>> {
    const text = this.#path === null ? null : await readIfExists(this.#path).catch(() => null);
    try {
      return new Map(text === null ? [] : JSON.parse(text) as [string, Known][]);
    } catch {
      return new Map();
    }
  }
}

/** Computes a digest in a process of its own, or here where processes may not be started. */
async function hashInProcess(path: string): Promise<string> {
  const main = new URL("digest_main.ts", import.meta.url).href;
  const [program, ...args] = ownCommand(DIGEST_COMMAND, main, { args: [path] });
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") return await hashFile(path);
  const command = new Deno.Command(program, { args, stdin: "null", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout).trim();
  if (success && /^[0-9a-f]{64}$/.test(text)) return text;
  throw new ShimmyError("backend", "The digest of a model file cannot be computed", {
    detail: new TextDecoder().decode(stderr),
  });
}
