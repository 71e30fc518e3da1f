import { joinContent, type Message, type RemoteImage } from "../../chat/mod.ts";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { bytesOfBase64 } from "./base64.ts";

/**
 * The image of a `data:` URL, or one that is fetched later. The type that the URL names is not used: the bytes
 * decide.
 *
 * @param field the field of the URL, for errors
 * @throws {ShimmyError} `invalid` with the field for other URLs.
 */
export function imageOfUrl(url: string, field: string): MediaInput | RemoteImage {
  if (/^https?:/i.test(url)) return { type: "remote", url, field };
  const head = /^data:[^,]{0,128};base64,/i.exec(url)?.[0];
  if (head === undefined) {
    throw invalid(field, "must be a data: URL with base64, or one of http(s)");
  }
  return imageOfBase64(url.slice(head.length), field);
}

/**
 * A text with images before it, in base64 or as URLs.
 *
 * @param field the field of the images, for errors
 * @throws {ShimmyError} `invalid` with the field and its index.
 */
export function textWithImages(
  text: string,
  images: readonly string[] | null | undefined,
  field: string,
): Pick<Message, "content" | "media"> {
  return joinContent([...imagesOf(images, field), text], "");
}

/** Images in base64 or as URLs; see {@linkcode textWithImages}. */
export function imagesOf(
  images: readonly string[] | null | undefined,
  field: string,
): readonly (MediaInput | RemoteImage)[] {
  return (images ?? []).map((image, at) => {
    const name = `${field}[${at}]`;
    const isUrl = /^(data|https?):/i.test(image);
    return isUrl ? imageOfUrl(image, name) : imageOfBase64(image, name);
  });
}

/** @throws {ShimmyError} `invalid` with the field if the text is empty or not base64. */
export function imageOfBase64(text: string, field: string): MediaInput {
  return { type: "image", bytes: bytesOfBase64(text, field, "an image in base64"), field };
}

function invalid(field: string, what: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${what}`, { field });
}
