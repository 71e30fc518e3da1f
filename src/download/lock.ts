import { dirname } from "@std/path";
import { ShimmyError } from "../errors.ts";

/** Milliseconds after which somebody who waits is told so. */
const SAY_AFTER_MS = 300;

/**
 * Waits until no other process, and nobody else in this one, holds a lock file; then holds it until it
 * is disposed of. The lock is the operating system's, so that it ends with the process, and the same
 * that Hugging Face's own tools take. The file stays: removing it would let two think they hold it.
 *
 * @param onWait is told once when somebody else holds it
 * @throws {ShimmyError} `cancelled` where the signal says so
 */
export async function holdLock(
  path: string,
  { onWait, signal }: {
    readonly onWait?: (() => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<Disposable> {
  signal?.throwIfAborted();
  await Deno.mkdir(dirname(path), { recursive: true });
  const file = await Deno.open(path, { create: true, write: true });
  const abandoned = Promise.withResolvers<never>();
  const abandon = () => {
    abandoned.reject(new ShimmyError("cancelled", "Waiting for another download was given up"));
  };
  signal?.addEventListener("abort", abandon, { once: true });
  const timer = setTimeout(() => onWait?.(), SAY_AFTER_MS);
  try {
    await Promise.race([file.lock(true), abandoned.promise]);
    return file;
  } catch (error) {
    file.close();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abandon);
  }
}
