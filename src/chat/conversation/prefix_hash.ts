import type { MediaInput } from "../../engine/protocol/mod.ts";
import type { Input, Message, RemoteImage } from "./conversation.ts";

/** Characters that count of the system messages, and of the message after them. */
const MESSAGE_CHARACTERS = 4096;

/** Characters and tokens that count of a prompt that is not a chat: a conversation grows at its end. */
const TEXT_CHARACTERS = 256;
const TOKENS = 64;

/** Bytes at the end of a file that count. Files of one format begin alike. */
const MEDIA_BYTES = 1024;

/**
 * A hash of the beginning of a conversation, as 16 hexadecimal digits: of the model, the system messages and
 * the first other message. It stays the same while the conversation grows, and does not depend on the API's
 * dialect. It is for routing: equal texts have equal hashes, and other texts can have the same one.
 */
export function prefixHash(model: string, input: Input): string {
  const hash = new Hash();
  hash.text(model);
  switch (input.type) {
    case "chat":
      if (input.prefix !== undefined) hash.numbers(input.prefix.slice(0, TOKENS));
      else hashMessages(hash, input.messages);
      break;
    case "text":
      hash.text(input.text.slice(0, TEXT_CHARACTERS));
      break;
    case "tokens":
      hash.numbers(input.tokens.slice(0, TOKENS));
  }
  return hash.digits;
}

function hashMessages(hash: Hash, messages: readonly Message[]): void {
  const isSystem = ({ role }: Message) => role === "system" || role === "developer";
  const start = messages.findIndex((message) => !isSystem(message));
  const system = messages.slice(0, start < 0 ? messages.length : start);
  let left = MESSAGE_CHARACTERS;
  for (const { content } of system) {
    hash.text(content.slice(0, left));
    left -= Math.min(left, content.length);
  }
  const first = messages[start];
  if (first === undefined) return;
  hash.text(first.role);
  hash.text(first.content.slice(0, MESSAGE_CHARACTERS));
  for (const media of first.media ?? []) hashMedia(hash, media);
}

function hashMedia(hash: Hash, media: MediaInput | RemoteImage): void {
  if (media.type === "remote") return hash.text(media.url.slice(0, MESSAGE_CHARACTERS));
  const { bytes } = media;
  hash.add(bytes.length);
  for (let at = Math.max(0, bytes.length - MEDIA_BYTES); at < bytes.length; at++) {
    hash.add(bytes[at]!);
  }
}

/** A hash of 64 bits, from two hashes of FNV-1a with different primes. Synchronous, unlike `crypto.subtle`. */
class Hash {
  #high = 0x811c9dc5;
  #low = 0x811c9dc5;

  add(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = Math.imul(this.#low ^ value, 0x5bd1e995);
  }

  /** Adds a text, and its length, so that two texts are not one. */
  text(text: string): void {
    for (let at = 0; at < text.length; at++) this.add(text.charCodeAt(at));
    this.add(text.length);
  }

  numbers(values: readonly number[]): void {
    for (const value of values) this.add(value);
    this.add(values.length);
  }

  get digits(): string {
    return [this.#high, this.#low]
      .map((half) => (half >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }
}
