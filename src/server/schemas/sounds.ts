import { joinContent, type Message } from "../../chat/mod.ts";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import { bytesOfBase64 } from "./base64.ts";
import { imagesOf } from "./images.ts";

/** A `data:` URL up to its content. */
const DATA_URL = /^data:[^,]{0,128};base64,/i;

/**
 * A sound in base64 or as a `data:` URL. The type that the URL names is not used: the bytes decide.
 *
 * @param field the field of the sound, for errors
 * @throws {ShimmyError} `invalid` with the field if it is empty or not base64.
 */
export function soundOfBase64(text: string, field: string): MediaInput {
  const head = DATA_URL.exec(text)?.[0] ?? "";
  const bytes = bytesOfBase64(text.slice(head.length), field, "a sound in base64");
  return { type: "audio", bytes, field };
}

/** The fields of a message with images and sounds. */
export interface MediaFields {
  readonly images?: readonly string[] | null | undefined;
  readonly audio?: readonly string[] | null | undefined;
}

/**
 * A text with images and then sounds before it, each in base64 or as a `data:` URL.
 *
 * @param prefix what is before the names of the fields, for errors
 * @throws {ShimmyError} `invalid` with the field and its index.
 */
export function textWithMedia(
  text: string,
  { images, audio }: MediaFields,
  prefix = "",
): Pick<Message, "content" | "media"> {
  const sounds = (audio ?? []).map((one, at) => soundOfBase64(one, `${prefix}audio[${at}]`));
  return joinContent([...imagesOf(images, `${prefix}images`), ...sounds, text], "");
}
