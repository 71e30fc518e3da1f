import type { DBSchema } from "idb";
import type { Conversation, Message } from "../conversation/mod.ts";
import type { Piece } from "../live/mod.ts";

/** A conversation without its messages. */
export type Head = Omit<Conversation, "messages">;

/** The images of a message, apart from it: a search through messages does not read them. */
export interface StoredImages {
  readonly conversation: string;
  /** Id of the message. */
  readonly id: string;
  /** When the message was created. */
  readonly created: number;
  /** Characters of all images. */
  readonly size: number;
  /** The data URLs by the places of the images; null: it was not kept before. */
  readonly urls: readonly (string | null)[];
}

/** The stores of the database. Keys are a conversation and an id: an imported copy has the ids of its original. */
export interface Schema extends DBSchema {
  conversations: { key: string; value: Head };
  /** Without the data of their images. */
  messages: { key: [string, string]; value: Message & { readonly conversation: string } };
  tokens: {
    key: [string, string];
    value: { conversation: string; id: string; pieces: readonly Piece[] };
  };
  images: { key: [string, string]; value: StoredImages; indexes: { age: [number, number] } };
}
