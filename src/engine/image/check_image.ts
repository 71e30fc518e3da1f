import { ShimmyError } from "../../errors.ts";
import type { MediaInput } from "../protocol/mod.ts";
import { type ImageHeader, imageHeader, jpegScans } from "./image_header.ts";
import { hasPngPixels } from "./png_pixels.ts";

/** Maximum bytes of an image file, as of OpenAI's API. */
export const MAX_IMAGE_BYTES = 20 * 2 ** 20;

/** Maximum pixels of an image: 96 MiB when decoded. Photos of phones have 12 to 50 million. */
export const MAX_IMAGE_PIXELS = 32 * 2 ** 20;

/** Maximum length of a side in lengths of the other: encoders cut long images into pieces of no width. */
const MAX_ASPECT = 200;

/** Maximum scans of a JPEG file, each of which visits all pixels. Progressive files have about ten. */
const MAX_JPEG_SCANS = 100;

/**
 * Reads the header of an image.
 *
 * @throws {ShimmyError} `invalid` with the field for an image that must not be decoded.
 */
export function checkImage({ bytes, field }: MediaInput): ImageHeader {
  const refuse = (what: string): never => {
    throw new ShimmyError("invalid", `${field}: the image ${what}`, { field });
  };
  if (bytes.length > MAX_IMAGE_BYTES) {
    refuse(`has ${bytes.length} bytes; at most ${MAX_IMAGE_BYTES} are allowed`);
  }
  const header = imageHeader(bytes);
  if (header === null) return refuse("is not a PNG, JPEG, WebP, GIF or BMP file");
  const { format, width, height } = header;
  if (width < 1 || height < 1) refuse(`has ${width} x ${height} pixels`);
  if (width * height > MAX_IMAGE_PIXELS) {
    refuse(`has ${width} x ${height} pixels; at most ${MAX_IMAGE_PIXELS} are allowed`);
  }
  if (Math.max(width, height) > MAX_ASPECT * Math.min(width, height)) {
    refuse(
      `has ${width} x ${height} pixels; a side may have at most ${MAX_ASPECT} times the other`,
    );
  }
  if (format === "JPEG" && jpegScans(bytes, MAX_JPEG_SCANS) > MAX_JPEG_SCANS) {
    refuse(`has more than ${MAX_JPEG_SCANS} scans`);
  }
  return header;
}

/**
 * Reads the pixels of an image whose decoder may take more memory than its header tells.
 *
 * @throws {ShimmyError} `invalid` with the field if it would.
 */
export async function checkPixels({ bytes, field }: MediaInput): Promise<void> {
  const isPng = imageHeader(bytes)?.format === "PNG";
  if (isPng && !await hasPngPixels(bytes)) throw damagedImage({ field });
}

/** The error of an image that its decoder does not accept. */
export function damagedImage({ field }: Pick<MediaInput, "field">): ShimmyError {
  const message = `${field}: the image cannot be decoded: its file is damaged`;
  return new ShimmyError("invalid", message, { field });
}
