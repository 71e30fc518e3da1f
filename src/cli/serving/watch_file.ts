import { basename, dirname, join } from "@std/path";

/** Milliseconds without an event after which a change is complete. Editors cause several events. */
const QUIET_MS = 250;

/**
 * Calls back after each change of a file. The file and its folder need not exist. The folder is
 * watched, because many programs replace a file instead of writing it. The callback finds out what has
 * changed.
 *
 * @returns a handle that ends the watch and waits for a running callback.
 * @throws {Error} when the system cannot watch the folder.
 */
export function watchFile(path: string, changed: () => Promise<void>): AsyncDisposable {
  return new FileWatch(path, changed);
}

/** The nearest existing folder on the path of a file. */
interface WatchedFolder {
  readonly folder: string;
  /** The entry in it that is, or leads to, the file. */
  readonly next: string;
  /** Distinguishes it from a new folder of the same name, if the system can. */
  readonly identity: string;
}

class FileWatch implements AsyncDisposable {
  readonly #path: string;
  readonly #changed: () => Promise<void>;
  #folder: WatchedFolder;
  #watcher: Deno.FsWatcher;
  #watching: Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(path: string, changed: () => Promise<void>) {
    this.#path = path;
    this.#changed = changed;
    this.#folder = watchedFolder(path);
    this.#watcher = Deno.watchFs(this.#folder.folder, { recursive: false });
    this.#watching = this.#watch(this.#watcher);
  }

  async #watch(watcher: Deno.FsWatcher): Promise<void> {
    for await (const event of watcher) if (this.#affects(event)) this.#schedule();
  }

  #affects({ kind, paths }: Deno.FsEvent): boolean {
    // Reading is no change, and the callback's own reading would repeat for ever.
    if (kind === "access") return false;
    const { folder, next } = this.#folder;
    // A link's target can change with any entry beside the link.
    return isLink(this.#path) ||
      paths.some((path) => [next, basename(folder)].includes(basename(path)));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(
      () => this.#running = this.#running.then(() => this.#settle()),
      QUIET_MS,
    );
  }

  async #settle(): Promise<void> {
    await this.#changed();
    const now = watchedFolder(this.#path);
    const { folder, identity } = this.#folder;
    if (this.#isClosed || (now.folder === folder && now.identity === identity)) return;
    this.#folder = now;
    const next = open(now.folder);
    // Without another watcher, the old folder stays watched.
    if (next === null) return;
    this.#watcher.close();
    await this.#watching;
    this.#watcher = next;
    this.#watching = this.#watch(next);
    // Changes before the start of the new watcher are found now.
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
    this.#watcher.close();
    await this.#watching;
  }
}

/** The file's folder, or the nearest existing parent of it. */
function watchedFolder(path: string): WatchedFolder {
  let folder = dirname(path);
  let next = basename(path);
  for (;;) {
    const found = stat(folder);
    if (found?.isDirectory || dirname(folder) === folder) {
      return { folder, next, identity: `${found?.dev}:${found?.ino}` };
    }
    next = basename(folder);
    folder = join(folder, "..");
  }
}

function open(folder: string): Deno.FsWatcher | null {
  try {
    return Deno.watchFs(folder, { recursive: false });
  } catch {
    return null;
  }
}

function stat(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}
