import type { MediaFile, Message } from "./conversation.ts";

/** Formats of images that the server reads. */
export const IMAGE_TYPES = [
  "image/png",
  "image/jpeg",
  "image/webp",
  "image/gif",
  "image/bmp",
] as const;

/** Formats of sounds that the server reads, by the format's name in chat completions. */
export const SOUND_TYPES = { wav: "audio/wav", mp3: "audio/mpeg", flac: "audio/flac" } as const;

const TYPES: readonly string[] = [...IMAGE_TYPES, ...Object.values(SOUND_TYPES)];

/** Maximum characters of a data URL: 20 MiB, the server's limit of an image, in base64. */
const MOST_CHARACTERS = 28 * 1024 * 1024;

const HEAD = /^data:((?:image|audio)\/[a-z]+);base64,/;

/** Whether a text is a data URL of an image or a sound that the server reads, in base64. */
export function isMediaUrl(url: string): boolean {
  const [head, type = ""] = HEAD.exec(url) ?? [];
  if (head === undefined || url.length > MOST_CHARACTERS || url.length === head.length) {
    return false;
  }
  return TYPES.includes(type) && !/[^A-Za-z0-9+/=]/.test(url.slice(head.length));
}

/** Whether a data URL is that of a sound. */
export function isSoundUrl(url: string): boolean {
  return url.startsWith("data:audio/");
}

/** The data URLs of those images and sounds of a message that are kept. */
export function mediaUrls({ media = [] }: Pick<Message, "media">): string[] {
  return media.flatMap(({ url }) => url === undefined ? [] : [url]);
}

/** The kept images and sounds of a message in Markdown. */
export function mediaToMarkdown({ media = [] }: Pick<Message, "media">): string[] {
  return media.flatMap(({ name, url }) =>
    url === undefined ? [] : [`![${name.replace(/[[\]\\\n]/g, "_")}](${url})`]
  );
}

/** The images and sounds at the beginning of an exported text, and the text behind them. */
export function mediaFromMarkdown(
  source: string,
): { readonly media: readonly MediaFile[]; readonly text: string } {
  const media: MediaFile[] = [];
  let text = source;
  for (;;) {
    const [head, name] = /^!\[([^\]\n]*)\]\(/.exec(text) ?? [];
    const end = head === undefined ? -1 : text.indexOf(")", head.length);
    if (head === undefined || end < 0) return { media, text };
    const url = text.slice(head.length, end);
    if (!isMediaUrl(url)) return { media, text };
    media.push({ name: name!, url });
    text = text.slice(end + 1).trimStart();
  }
}
