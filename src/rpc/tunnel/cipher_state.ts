import { createCipheriv, createDecipheriv } from "node:crypto";

/** Bytes that encryption adds to a message. */
export const TAG_BYTES = 16;

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;

type Bytes = Uint8Array<ArrayBuffer>;

const NOTHING: Bytes = new Uint8Array(0);

/**
 * A key and the number of the next message, as in the Noise Protocol Framework: AES-256-GCM, whose nonce has the
 * number in its last eight bytes. A message that is repeated, left out or in another place cannot be decrypted.
 */
export class CipherState {
  readonly #key: Bytes;
  #next = 0n;

  constructor(key: Bytes) {
    this.#key = key;
  }

  encrypt(text: Bytes, associated: Bytes = NOTHING): Bytes {
    const cipher = createCipheriv(ALGORITHM, this.#key, this.#nonce());
    cipher.setAAD(associated);
    const sealed = new Uint8Array(text.length + TAG_BYTES);
    sealed.set(cipher.update(text));
    cipher.final();
    sealed.set(cipher.getAuthTag(), text.length);
    return sealed;
  }

  /** @throws if the message was not encrypted with the same key and number. */
  decrypt(sealed: Bytes, associated: Bytes = NOTHING): Bytes {
    if (sealed.length < TAG_BYTES) throw new Error("The message is too short");
    const end = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv(ALGORITHM, this.#key, this.#nonce());
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(end));
    const text = new Uint8Array(end);
    text.set(decipher.update(sealed.subarray(0, end)));
    // Throws if the tag is wrong.
    decipher.final();
    return text;
  }

  /** 2^64 messages would take longer than any connection lasts. */
  #nonce(): Bytes {
    const nonce = new Uint8Array(NONCE_BYTES);
    new DataView(nonce.buffer).setBigUint64(4, this.#next++);
    return nonce;
  }
}
