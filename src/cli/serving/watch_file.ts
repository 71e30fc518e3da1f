import { delay } from "@std/async/delay";

/** Milliseconds between two looks at a file. */
const INTERVAL_MS = 250;

/**
 * Calls back after each change of a file, when the file has stayed the same for an interval: editors write a
 * file in several steps. The file and its folder need not exist. The callback finds out what has changed.
 *
 * The file is looked at again and again. `Deno.watchFs` would block the end of the process after somebody
 * creates a pipe in the watched folder, because its thread opens the pipe; it also reports no changes that
 * other machines make on a network file system.
 *
 * @returns a handle that ends the watch and waits for a running callback.
 */
export function watchFile(path: string, changed: () => Promise<void>): AsyncDisposable {
  const ended = new AbortController();
  const watching = watch(path, changed, ended.signal);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await watching;
    },
  };
}

async function watch(
  path: string,
  changed: () => Promise<void>,
  ended: AbortSignal,
): Promise<void> {
  let told = stateNow(path);
  let seen = told;
  while (!ended.aborted) {
    await delay(INTERVAL_MS, { signal: ended, persistent: false }).catch(() => {});
    const now = await Deno.stat(path).then(stateOf, () => null);
    if (ended.aborted) return;
    const isSettled = now === seen;
    seen = now;
    if (!isSettled || now === told) continue;
    told = now;
    await changed();
  }
}

/** The state of a file at the time of the call, so that no later change is missed; null: there is no file. */
function stateNow(path: string): string | null {
  try {
    return stateOf(Deno.statSync(path));
  } catch {
    return null;
  }
}

/** Distinguishes a state of a file from others. */
function stateOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return `${dev} ${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
}
