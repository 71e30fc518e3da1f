import type { IDBPTransaction } from "idb";
import type { MediaFile, Message } from "../conversation/mod.ts";
import type { Schema, StoredMedia, StoredMessage } from "./schema.ts";

/** Maximum characters of all kept images and sounds. Where there are more, those of the oldest messages go. */
const MOST_CHARACTERS = 256 * 1024 * 1024;

/** A message without the data of its images and sounds, and the data; null if it has none. */
export function withoutMedia(
  conversation: string,
  message: Message,
): readonly [message: Message, media: StoredMedia | null] {
  const { id, created, media = [] } = message;
  if (media.every(({ url }) => url === undefined)) return [message, null];
  const urls = media.map(({ url = null }) => url);
  const size = urls.reduce((sum, url) => sum + (url?.length ?? 0), 0);
  return [
    { ...message, media: media.map(({ name }) => ({ name })) },
    { conversation, id, created, size, urls },
  ];
}

/** A stored message with the images and sounds that are still kept. */
export function withMedia(
  { images: earlier, ...message }: StoredMessage,
  stored: StoredMedia | undefined,
): Message {
  const named = message.media ?? earlier;
  if (named === undefined) return message;
  const media = named.map(({ name }, place): MediaFile => {
    const url = stored?.urls[place] ?? null;
    return url === null ? { name } : { name, url };
  });
  return { ...message, media };
}

/** The keys of the oldest files, without which the others have at most `most` characters. */
export function surplus<K>(
  oldestFirst: readonly { readonly key: K; readonly size: number }[],
  most: number = MOST_CHARACTERS,
): K[] {
  let total = oldestFirst.reduce((sum, { size }) => sum + size, 0);
  const dropped: K[] = [];
  for (const { key, size } of oldestFirst) {
    if (total <= most) break;
    dropped.push(key);
    total -= size;
  }
  return dropped;
}

/** Removes the oldest images and sounds of all conversations where there are too many. */
export async function removeSurplus(
  transaction: IDBPTransaction<Schema, ["images"], "readwrite">,
): Promise<void> {
  const { store } = transaction;
  const all: { readonly key: [string, string]; readonly size: number }[] = [];
  // The keys of the index tell the sizes, so that no image is read.
  let cursor = await store.index("age").openKeyCursor();
  while (cursor !== null) {
    all.push({ key: cursor.primaryKey, size: cursor.key[1] });
    cursor = await cursor.continue();
  }
  await Promise.all([...surplus(all).map((key) => store.delete(key)), transaction.done]);
}
