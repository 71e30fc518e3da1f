import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { type ContentPart, contentParts, joinContent, type Message } from "../../../chat/mod.ts";
import type { MediaInput } from "../../../engine/protocol/mod.ts";

/** A part of a content with images or sounds, in the form of OpenAI's chat completions. */
type SavedPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } }
  | {
    readonly type: "input_audio";
    readonly input_audio: { readonly data: string; readonly format: string };
  };

/** A message as a file keeps it. A content with images or sounds is a list. */
export type SavedMessage = Omit<Message, "content" | "media"> & {
  readonly content: string | readonly SavedPart[];
};

const IMAGE_URL = /^data:image\/[a-z]+;base64,/;

/** The messages as a file keeps them. */
export async function toSaved(messages: readonly Message[]): Promise<readonly SavedMessage[]> {
  if (messages.every(({ media }) => media === undefined)) return messages;
  const { imageHeader } = await import("../../../engine/image/mod.ts");
  const { soundFormat } = await import("../../../engine/sound/mod.ts");
  const saved = (part: ContentPart): SavedPart => {
    if (typeof part === "string") return { type: "text", text: part };
    if (part.type === "remote") return { type: "image_url", image_url: { url: part.url } };
    const data = encodeBase64(part.bytes);
    if (part.type === "audio") {
      return { type: "input_audio", input_audio: { data, format: soundFormat(part.bytes) } };
    }
    const format = imageHeader(part.bytes)?.format ?? "PNG";
    const url = `data:image/${format.toLowerCase()};base64,${data}`;
    return { type: "image_url", image_url: { url } };
  };
  return messages.map((message) => {
    const { media, ...rest } = message;
    return media === undefined ? rest : { ...rest, content: contentParts(message).map(saved) };
  });
}

/** The message of a file; null for another form. */
export function fromSaved(value: unknown): Message | null {
  const { role, content, reasoning = "" } = (value ?? {}) as Partial<SavedMessage>;
  if (role !== "system" && role !== "user" && role !== "assistant") return null;
  if (typeof reasoning !== "string") return null;
  const thoughts = reasoning === "" ? {} : { reasoning };
  if (typeof content === "string") return { role, content, ...thoughts };
  if (!Array.isArray(content)) return null;
  const parts = content.map(partOf);
  if (!parts.every((part) => part !== null)) return null;
  return { role, ...joinContent(parts, "\n\n"), ...thoughts };
}

function partOf(value: unknown): ContentPart | null {
  const { type, text, image_url, input_audio } = (value ?? {}) as {
    readonly type?: unknown;
    readonly text?: unknown;
    readonly image_url?: { readonly url?: unknown } | null;
    readonly input_audio?: { readonly data?: unknown } | null;
  };
  if (type === "text") return typeof text === "string" ? text : null;
  if (type === "input_audio") return mediaOf("audio", input_audio?.data);
  const url = image_url?.url;
  const head = type === "image_url" && typeof url === "string" ? IMAGE_URL.exec(url)?.[0] : null;
  return head ? mediaOf("image", (url as string).slice(head.length)) : null;
}

/** An image or a sound in base64. */
function mediaOf(type: MediaInput["type"], data: unknown): MediaInput | null {
  if (typeof data !== "string") return null;
  const field = type === "image" ? "an image of the conversation" : "a sound of the conversation";
  try {
    return { type, bytes: decodeBase64(data), field };
  } catch {
    return null;
  }
}
