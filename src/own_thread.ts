/** In a bundle every module has the bundle's own URL. */
const isSource = import.meta.url.endsWith("/src/own_thread.ts");

/**
 * Starts a Worker of this program. It works for a compiled executable, a file and a URL: the main
 * module of a bundle runs the thread of that name when it is started as a Worker.
 *
 * @param module URL of the module that runs the thread, from source.
 */
export function startOwnThread(name: string, module: URL): Worker {
  const script = isSource ? module : new URL(import.meta.url);
  return new Worker(script, { type: "module", name });
}
