import type { MediaFile, TextFile } from "../conversation/mod.ts";
import { keepText, keptText } from "../kept/mod.ts";

/** Files that are attached to a message. */
export interface Attachments {
  readonly files: readonly TextFile[];
  readonly images: readonly MediaFile[];
}

/** A message that was not sent. */
export interface Draft extends Attachments {
  readonly text: string;
}

export const NO_ATTACHMENTS: Attachments = { files: [], images: [] };

const textKey = (conversation: string) => `shimmy.draft.${conversation}`;
/** Apart from the text, which is written with each key. */
const filesKey = (conversation: string) => `shimmy.draft.${conversation}.files`;

/** The draft of a conversation; empty if there is none. */
export function draftOf(conversation: string): Draft {
  const { text } = stored(textKey(conversation));
  const { files, images } = stored(filesKey(conversation));
  return {
    text: typeof text === "string" ? text : "",
    files: listOf<TextFile>(files, "text"),
    images: listOf<MediaFile>(images, "url"),
  };
}

function stored(key: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(keptText("always", key) ?? "{}") ?? {};
  } catch {
    return {};
  }
}

/** The entries of a list that have a name and another field with a text. */
function listOf<T extends TextFile | MediaFile>(value: unknown, field: string): readonly T[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one) => typeof one?.name === "string" && typeof one[field] === "string");
}

/** Keeps the text of a draft across reloads. */
export function keepDraftText(conversation: string, text: string): void {
  keepText("always", textKey(conversation), text === "" ? null : JSON.stringify({ text }));
}

/**
 * Keeps the attached files of a draft across reloads.
 *
 * @returns whether they were kept; large files can exceed what the browser stores.
 */
export function keepDraftFiles(conversation: string, { files, images }: Attachments): boolean {
  const key = filesKey(conversation);
  if (files.length + images.length === 0) return keepText("always", key, null);
  if (keepText("always", key, JSON.stringify({ files, images }))) return true;
  // Those of before are not those of this draft.
  keepText("always", key, null);
  return false;
}
