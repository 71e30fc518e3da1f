import type { DBSchema } from "idb";
import type { Conversation, MediaFile, Message } from "../conversation/mod.ts";
import type { Piece } from "../live/mod.ts";

/** A conversation without its messages. */
export type Head = Omit<Conversation, "messages">;

/** A message without the data of its images and sounds. Earlier versions wrote them as `images`. */
export interface StoredMessage extends Message {
  readonly images?: readonly MediaFile[];
}

/** The images and sounds of a message, apart from it: a search through messages does not read them. */
export interface StoredMedia {
  readonly conversation: string;
  /** Id of the message. */
  readonly id: string;
  /** When the message was created. */
  readonly created: number;
  /** Characters of all data URLs. */
  readonly size: number;
  /** The data URLs by the places of the files in `media`; null: it was not kept before. */
  readonly urls: readonly (string | null)[];
}

/** The stores of the database. Keys are a conversation and an id: an imported copy has the ids of its original. */
export interface Schema extends DBSchema {
  conversations: { key: string; value: Head };
  messages: { key: [string, string]; value: StoredMessage & { readonly conversation: string } };
  tokens: {
    key: [string, string];
    value: { conversation: string; id: string; pieces: readonly Piece[] };
  };
  /** Images and sounds. Another name would make the database one that earlier versions cannot open. */
  images: { key: [string, string]; value: StoredMedia; indexes: { age: [number, number] } };
}
