/** Name of the thread that decodes WebP pictures. */
export const WEBP_THREAD = "shimmy-webp";

/** What the thread answers to a file: the picture as a PPM file, or null if it is damaged. */
export interface DecodedWebp {
  readonly ppm: Uint8Array<ArrayBuffer> | null;
}
