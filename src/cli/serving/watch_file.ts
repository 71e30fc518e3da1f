import { basename, dirname, join } from "@std/path";

/** Milliseconds after the last event of a change: an editor makes several, without another it is done. */
const QUIET_MS = 250;

/**
 * Calls back whenever something has happened to a file and is over, also where the file, or its folder,
 * is not there yet. Folders are watched and not the file, which many programs replace by another one of
 * its name. What has changed is for the callback to find out.
 *
 * @returns what ends it; resolves when no callback runs any more.
 * @throws {Error} where the system allows no watching.
 */
export function watchFile(path: string, changed: () => Promise<void>): AsyncDisposable {
  return new FileWatch(path, changed);
}

/** A folder that is there, on the way to a file. */
interface Standpoint {
  readonly folder: string;
  /** What in it leads to the file, or is the file. */
  readonly next: string;
  /** Tells it from another one of its name, where the system can. */
  readonly identity: string;
}

class FileWatch implements AsyncDisposable {
  readonly #path: string;
  readonly #changed: () => Promise<void>;
  #standpoint: Standpoint;
  #watcher: Deno.FsWatcher;
  #watching: Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(path: string, changed: () => Promise<void>) {
    this.#path = path;
    this.#changed = changed;
    this.#standpoint = standpointFor(path);
    this.#watcher = Deno.watchFs(this.#standpoint.folder, { recursive: false });
    this.#watching = this.#watch(this.#watcher);
  }

  async #watch(watcher: Deno.FsWatcher): Promise<void> {
    for await (const event of watcher) if (this.#concerns(event)) this.#schedule();
  }

  #concerns({ kind, paths }: Deno.FsEvent): boolean {
    // Being read is no change, and our own reading would go on for ever.
    if (kind === "access") return false;
    const { folder, next } = this.#standpoint;
    // Of a link, what it leads to may change with anything beside it.
    return isLink(this.#path) ||
      paths.some((path) => [next, basename(folder)].includes(basename(path)));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    this.#timer = setTimeout(
      () => this.#running = this.#running.then(() => this.#settle()),
      QUIET_MS,
    );
  }

  async #settle(): Promise<void> {
    await this.#changed();
    const now = standpointFor(this.#path);
    const { folder, identity } = this.#standpoint;
    if (this.#isOver || (now.folder === folder && now.identity === identity)) return;
    this.#standpoint = now;
    const next = open(now.folder);
    // Where the system allows no more watching, the folder that was watched must do.
    if (next === null) return;
    this.#watcher.close();
    await this.#watching;
    this.#watcher = next;
    this.#watching = this.#watch(next);
    // What happened before the new folder was watched is seen now.
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#running;
    this.#watcher.close();
    await this.#watching;
  }
}

/** The file's folder, or the nearest above it that is there. */
function standpointFor(path: string): Standpoint {
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
