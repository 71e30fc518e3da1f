import { ShimmyError } from "../../errors.ts";
import { startOwnThread } from "../../own_thread.ts";
import { type DecodedWebp, WEBP_THREAD } from "./messages.ts";
import { webpFile, type WebpPicture } from "./webp_file.ts";

/** Milliseconds after which a picture counts as damaged. The largest ones take about two seconds. */
const TIMEOUT_MS = 20_000;

/**
 * Decodes a picture in a thread of its own, whose memory ends with it.
 *
 * @returns the picture as a PPM file, which libmtmd reads; null if it is damaged.
 * @throws {ShimmyError} `backend` if the decoder cannot be loaded.
 */
export async function decodeWebp(picture: WebpPicture): Promise<Uint8Array<ArrayBuffer> | null> {
  const { promise, resolve, reject } = Promise.withResolvers<DecodedWebp>();
  const thread = startOwnThread(WEBP_THREAD, new URL("./thread_main.ts", import.meta.url));
  thread.onmessage = ({ data }: MessageEvent<DecodedWebp>) => resolve(data);
  thread.onerror = (event) => {
    event.preventDefault();
    const message = "The decoder of WebP images cannot be loaded";
    reject(new ShimmyError("backend", message, { detail: event.message }));
  };
  const timer = setTimeout(() => resolve({ ppm: null }), TIMEOUT_MS);
  const file = webpFile(picture);
  thread.postMessage(file, [file.buffer]);
  try {
    return (await promise).ppm;
  } finally {
    clearTimeout(timer);
    thread.terminate();
  }
}
