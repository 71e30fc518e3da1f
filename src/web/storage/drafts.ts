import type { MediaFile, TextFile } from "../conversation/mod.ts";
import { keepText, keptText } from "../kept/mod.ts";

/** Files that are attached to a message. */
export interface Attachments {
  readonly files: readonly TextFile[];
  /** Images and sounds. */
  readonly media: readonly MediaFile[];
}

/** A message that was not sent. */
export interface Draft extends Attachments {
  readonly text: string;
}

export const NO_ATTACHMENTS: Attachments = { files: [], media: [] };

/** Attached files that the browser does not store, by conversation: a reload of the page loses them. */
const unstored = new Map<string, Attachments>();

const textKey = (conversation: string) => `shimmy.draft.${conversation}`;
/** Apart from the text, which is written with each key. */
const filesKey = (conversation: string) => `shimmy.draft.${conversation}.files`;

/** The draft of a conversation; empty if there is none. */
export function draftOf(conversation: string): Draft {
  const { text, files } = stored(textKey(conversation));
  const draft = typeof text === "string" ? text : "";
  // An earlier version kept the files with the text.
  if (files !== undefined && keptText("always", filesKey(conversation)) === null) {
    keepDraftText(conversation, draft);
    keepDraftFiles(conversation, { files: listOf<TextFile>(files, "text"), media: [] });
  }
  return { text: draft, ...unstored.get(conversation) ?? storedFiles(conversation) };
}

function storedFiles(conversation: string): Attachments {
  // An earlier version named images and sounds `images`.
  const { files, images, media = images } = stored(filesKey(conversation));
  return { files: listOf<TextFile>(files, "text"), media: listOf<MediaFile>(media, "url") };
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

/** Keeps the attached files of a draft across reloads, or, if they are too large, until the next one. */
export function keepDraftFiles(conversation: string, attachments: Attachments): void {
  const { files, media } = attachments;
  const key = filesKey(conversation);
  unstored.delete(conversation);
  if (files.length + media.length === 0) keepText("always", key, null);
  else if (!keepText("always", key, JSON.stringify({ files, media }))) {
    // Those of before are not those of this draft.
    keepText("always", key, null);
    unstored.set(conversation, attachments);
  }
}

/** Whether a reload of the page loses the attached files of a draft. */
export function isLostByReload(conversation: string): boolean {
  return unstored.has(conversation);
}
