/** Bytes read at once. */
const WINDOW = 1 << 20;

/**
 * The SHA-256 of a file, in hexadecimal.
 *
 * @param onProgress is told how many bytes were read
 */
export async function hashFile(
  path: string,
  { onProgress, signal }: {
    readonly onProgress?: (bytes: number) => void;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<string> {
  // Loaded late: a start that finds everything in place hashes nothing.
  const { createHash } = await import("node:crypto");
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(WINDOW);
  let bytes = 0;
  for (let read; (read = await file.read(buffer)) !== null;) {
    signal?.throwIfAborted();
    hash.update(buffer.subarray(0, read));
    onProgress?.(bytes += read);
  }
  return hash.digest("hex");
}
