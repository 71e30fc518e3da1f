/** Bytes per read. */
const WINDOW = 1 << 20;

/**
 * The SHA-256 of a file in hexadecimal.
 *
 * @param onProgress Receives the number of bytes read.
 */
export async function hashFile(
  path: string,
  { onProgress, signal }: {
    readonly onProgress?: (bytes: number) => void;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<string> {
  // Imported on use: a start with all files present computes no hash.
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
