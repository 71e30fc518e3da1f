import type { MediaInput } from "../protocol/mod.ts";
import { decodeWebp, webpPicture } from "../webp/mod.ts";
import { damagedImage } from "./check_image.ts";

/**
 * The file of an image in a format that libmtmd decodes: a WebP file is decoded here.
 *
 * @param image within the limits
 * @throws {ShimmyError} `invalid` with the field of a damaged file; `backend` if the decoder cannot be loaded.
 */
export async function decodableFile(image: MediaInput): Promise<Uint8Array<ArrayBuffer>> {
  const picture = webpPicture(image.bytes);
  if (picture === null) return image.bytes;
  const file = await decodeWebp(picture);
  if (file === null) throw damagedImage(image);
  return file;
}
