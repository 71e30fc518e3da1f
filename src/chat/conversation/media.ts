import type { MediaInput } from "../../engine/protocol/mod.ts";
import type { Message, RemoteImage } from "./conversation.ts";

/**
 * Stands for an image in the content of a message. Random, so that no client can write it, and of characters
 * that no template escapes.
 */
export const MEDIA_MARK = `[image ${crypto.randomUUID()}]`;

/** A text or an image of a message. */
export type ContentPart = string | MediaInput | RemoteImage;

/**
 * Joins the parts of a message. There is no separator beside an image, as in llama-server.
 *
 * @param separator put between two texts
 */
export function joinContent(
  parts: readonly ContentPart[],
  separator: string,
): Pick<Message, "content" | "media"> {
  const media = parts.filter((part) => typeof part !== "string");
  if (media.length === 0) return { content: parts.join(separator) };
  let content = "";
  let isAfterText = false;
  for (const part of parts) {
    const isText = typeof part === "string";
    if (isText && isAfterText) content += separator;
    content += isText ? part : MEDIA_MARK;
    isAfterText = isText;
  }
  return { content, media };
}

/** The texts and images of a message, in their order. */
export function contentParts(
  { content, media = [] }: Pick<Message, "content" | "media">,
): readonly ContentPart[] {
  const [first = "", ...rest] = content.split(MEDIA_MARK);
  const parts: ContentPart[] = rest.flatMap((text, index) => [media[index]!, text]);
  return [first, ...parts].filter((part) => part !== "");
}

/** The content of two messages as one, with the separator as in {@linkcode joinContent}. */
export function joinMessages(
  first: Pick<Message, "content" | "media">,
  second: Pick<Message, "content" | "media">,
  separator: string,
): Pick<Message, "content" | "media"> {
  const isBesideMedia = first.content.endsWith(MEDIA_MARK) || second.content.startsWith(MEDIA_MARK);
  const media = [...first.media ?? [], ...second.media ?? []];
  return {
    content: [first.content, second.content].join(isBesideMedia ? "" : separator),
    ...(media.length === 0 ? {} : { media }),
  };
}
