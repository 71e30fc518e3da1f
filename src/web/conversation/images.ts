import type { ImageFile, Message } from "./conversation.ts";

/** Formats that the server reads. */
export const IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/bmp"] as const;

/** Maximum characters of an image's data URL: 20 MiB, the server's limit, in base64. */
const MOST_CHARACTERS = 28 * 1024 * 1024;

const HEAD = /^data:(image\/[a-z]+);base64,/;

/** Whether a text is a data URL of an image that the server reads, in base64. */
export function isImageUrl(url: string): boolean {
  const [head, type] = HEAD.exec(url) ?? [];
  if (head === undefined || url.length > MOST_CHARACTERS || url.length === head.length) {
    return false;
  }
  return IMAGE_TYPES.some((one) => one === type) && !/[^A-Za-z0-9+/=]/.test(url.slice(head.length));
}

/** The data URLs of those images of a message that are kept. */
export function imageUrls({ images = [] }: Pick<Message, "images">): string[] {
  return images.flatMap(({ url }) => url === undefined ? [] : [url]);
}

/** The kept images of a message in Markdown. */
export function imagesToMarkdown({ images = [] }: Pick<Message, "images">): string[] {
  return images.flatMap(({ name, url }) =>
    url === undefined ? [] : [`![${name.replace(/[[\]\\\n]/g, "_")}](${url})`]
  );
}

/** The images at the beginning of an exported text, and the text behind them. */
export function imagesFromMarkdown(
  source: string,
): { readonly images: readonly ImageFile[]; readonly text: string } {
  const images: ImageFile[] = [];
  let text = source;
  for (;;) {
    const [head, name] = /^!\[([^\]\n]*)\]\(/.exec(text) ?? [];
    const end = head === undefined ? -1 : text.indexOf(")", head.length);
    if (head === undefined || end < 0) return { images, text };
    const url = text.slice(head.length, end);
    if (!isImageUrl(url)) return { images, text };
    images.push({ name: name!, url });
    text = text.slice(end + 1).trimStart();
  }
}
