import { dirname } from "node:path";
import { ShimmyError } from "../errors.ts";

/** Milliseconds of waiting before `onWait` is called. */
const NOTIFY_AFTER_MS = 300;

/**
 * Waits for an exclusive lock on a file and holds it until disposal. The operating system releases
 * the lock when the process ends. Hugging Face's tools use the same locks. The file stays: removing
 * it would allow two holders.
 *
 * @param onWait Called once if another holder has the lock.
 * @throws {ShimmyError} `cancelled` if the signal is aborted.
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
  const cancelled = Promise.withResolvers<never>();
  const cancel = () => {
    cancelled.reject(new ShimmyError("cancelled", "Wait for another download cancelled"));
  };
  signal?.addEventListener("abort", cancel, { once: true });
  const timer = setTimeout(() => onWait?.(), NOTIFY_AFTER_MS);
  try {
    await Promise.race([file.lock(true), cancelled.promise]);
    return file;
  } catch (error) {
    file.close();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}
