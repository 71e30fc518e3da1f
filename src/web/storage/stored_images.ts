import type { IDBPTransaction } from "idb";
import type { MediaFile, Message } from "../conversation/mod.ts";
import type { Schema, StoredImages } from "./schema.ts";

/** Maximum characters of all kept images. Where there are more, those of the oldest messages go. */
const MOST_CHARACTERS = 256 * 1024 * 1024;

/** A message without the data of its images, and the data; null if it has none. */
export function withoutImages(
  conversation: string,
  message: Message,
): readonly [message: Message, images: StoredImages | null] {
  const { id, created, images = [] } = message;
  if (images.every(({ url }) => url === undefined)) return [message, null];
  const urls = images.map(({ url = null }) => url);
  const size = urls.reduce((sum, url) => sum + (url?.length ?? 0), 0);
  return [
    { ...message, images: images.map(({ name }) => ({ name })) },
    { conversation, id, created, size, urls },
  ];
}

/** A stored message with the images that are still kept. */
export function withImages(message: Message, stored: StoredImages | undefined): Message {
  if (stored === undefined || message.images === undefined) return message;
  const images = message.images.map(({ name }, place): MediaFile => {
    const url = stored.urls[place] ?? null;
    return url === null ? { name } : { name, url };
  });
  return { ...message, images };
}

/** The keys of the oldest images, without which the others have at most `most` characters. */
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

/** Removes the oldest images of all conversations where there are too many. */
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
