import { dirname } from "@std/path";

/** Editors write a file in several steps; after so many milliseconds without another it is done. */
const QUIET_MS = 250;

/**
 * Calls back whenever something has happened in a file's folder and is over: the folder is watched and
 * not the file, which many programs replace by another one of its name. What has changed is for the
 * callback to find out.
 *
 * @returns what ends it; resolves when no callback runs any more.
 */
export function watchFile(path: string, changed: () => Promise<void>): AsyncDisposable {
  const watcher = Deno.watchFs(dirname(path), { recursive: false });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> = Promise.resolve();
  const watching = (async () => {
    for await (const event of watcher) {
      // Being read is no change, and our own reading would go on for ever.
      if (event.kind === "access") continue;
      clearTimeout(timer);
      timer = setTimeout(() => running = running.then(changed), QUIET_MS);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      watcher.close();
      await watching;
      clearTimeout(timer);
      await running;
    },
  };
}
