import type { Conversation, MediaFile, Message, TextFile } from "./conversation.ts";
import { chatPromptOf } from "./prompt.ts";

/** Bytes of a request beside its messages: names of fields, sampling, the tokens of a beginning. */
const OVERHEAD = 16 * 1024;

/** Bytes around the data of an image or a sound in a message. */
const AROUND_MEDIA = 100;

const encoder = new TextEncoder();

/** Bytes of a text as JSON. */
export function textBytes(text: string): number {
  return encoder.encode(JSON.stringify(text)).length;
}

/** Messages and files do not change, and a chat can have many. */
const sizes = new WeakMap<Message | TextFile, number>();

function sizeOf(one: Message | TextFile, measure: () => unknown): number {
  const known = sizes.get(one);
  if (known !== undefined) return known;
  const bytes = encoder.encode(JSON.stringify(measure())).length;
  sizes.set(one, bytes);
  return bytes;
}

/** Bytes that an attached file has in a request, or slightly more. */
export function attachmentBytes(file: TextFile | MediaFile): number {
  if (!("text" in file)) return file.url === undefined ? 0 : file.url.length + AROUND_MEDIA;
  return sizeOf(file, () => chatPromptOf("", [textMessage(file)]));
}

function textMessage(file: TextFile): Message {
  return { id: "", parent: null, role: "user", content: "", created: 0, files: [file] };
}

/** Bytes of a request for an answer to a branch, or slightly more. */
export function promptBytes(
  { system, tools }: Pick<Conversation, "system" | "tools">,
  path: readonly Message[],
): number {
  const messages = path.map((message) => {
    const { media: _, ...rest } = message;
    const media = message.media?.reduce((sum, one) => sum + attachmentBytes(one), 0) ?? 0;
    return sizeOf(message, () => chatPromptOf("", [rest])) + media;
  });
  return messages.reduce((sum, bytes) => sum + bytes, OVERHEAD + textBytes(system + tools));
}

/** The files for which no room is left behind those before them. */
export function withoutRoom<T extends TextFile | MediaFile>(
  files: readonly T[],
  room: number,
): readonly T[] {
  let left = room;
  return files.filter((file) => {
    const bytes = attachmentBytes(file);
    if (bytes > left) return true;
    left -= bytes;
    return false;
  });
}
