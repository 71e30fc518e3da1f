import { createHash, hkdfSync } from "node:crypto";
import { CipherState } from "./cipher_state.ts";

/**
 * The handshake `Noise_NNpsk0_25519_AESGCM_SHA256` of the Noise Protocol Framework, revision 34
 * (https://noiseprotocol.org/noise.html). Both sides prove that they have the same key of 32 bytes. The keys of a
 * connection come from new pairs of X25519, so that earlier connections stay secret when the key becomes known.
 */
const PROTOCOL = "Noise_NNpsk0_25519_AESGCM_SHA256";

/** Bytes of a key, of a hash and of a public key. */
export const KEY_BYTES = 32;

type Bytes = Uint8Array<ArrayBuffer>;

/** The two directions of a connection. */
export interface Ciphers {
  readonly send: CipherState;
  readonly receive: CipherState;
}

/** One side of a handshake of two messages. */
export class Handshake {
  #chainingKey: Bytes;
  #hash: Bytes;
  #cipher: CipherState | null = null;
  readonly #own: CryptoKeyPair;

  private constructor(own: CryptoKeyPair, prologue: Bytes, psk: Bytes) {
    this.#own = own;
    // The name has as many bytes as a hash, so that it is not hashed.
    this.#hash = new Uint8Array(new TextEncoder().encode(PROTOCOL));
    this.#chainingKey = this.#hash;
    this.#mixHash(prologue);
    this.#mixKeyAndHash(psk);
  }

  /**
   * Begins a handshake.
   *
   * @param prologue what both sides know, such as the version of the protocol
   * @param psk the key that both sides have
   * @param own a pair of X25519; default: a new one
   */
  static async begin(prologue: Bytes, psk: Bytes, own?: CryptoKeyPair): Promise<Handshake> {
    const pair = own ??
      await crypto.subtle.generateKey("X25519", false, ["deriveBits"]) as CryptoKeyPair;
    return new Handshake(pair, prologue, psk);
  }

  /** The initiator's message. */
  async writeFirst(payload: Bytes): Promise<Bytes> {
    return concat(await this.#sendKey(), this.#encryptAndHash(payload));
  }

  /** Reads the initiator's message. @throws if it was not made with the same key. */
  readFirst(message: Bytes): Bytes {
    this.#mixPublic(message.slice(0, KEY_BYTES));
    return this.#decryptAndHash(message.slice(KEY_BYTES));
  }

  /** The responder's message, which answers the message that it has read. */
  async writeSecond(payload: Bytes, first: Bytes): Promise<Bytes> {
    const own = await this.#sendKey();
    await this.#mixShared(first.slice(0, KEY_BYTES));
    return concat(own, this.#encryptAndHash(payload));
  }

  /** Reads the responder's message. @throws if it was not made with the same key. */
  async readSecond(message: Bytes): Promise<Bytes> {
    const other = message.slice(0, KEY_BYTES);
    this.#mixPublic(other);
    await this.#mixShared(other);
    return this.#decryptAndHash(message.slice(KEY_BYTES));
  }

  /** The ciphers of the connection, after both messages. */
  split(isInitiator: boolean): Ciphers {
    const [first, second] = this.#derive(new Uint8Array(0), 2);
    const [send, receive] = isInitiator ? [first, second] : [second, first];
    return { send: new CipherState(send!), receive: new CipherState(receive!) };
  }

  async #sendKey(): Promise<Bytes> {
    const key = new Uint8Array(await crypto.subtle.exportKey("raw", this.#own.publicKey));
    this.#mixPublic(key);
    return key;
  }

  /** With a shared key, a public key is mixed into the keys too. */
  #mixPublic(key: Bytes): void {
    this.#mixHash(key);
    this.#mixKey(key);
  }

  /** @throws if the other public key gives the same secret with every key. */
  async #mixShared(other: Bytes): Promise<void> {
    const key = await crypto.subtle.importKey("raw", other, "X25519", true, []);
    const algorithm = { name: "X25519", public: key };
    const secret = await crypto.subtle.deriveBits(algorithm, this.#own.privateKey, 256);
    this.#mixKey(new Uint8Array(secret));
  }

  #mixHash(data: Bytes): void {
    this.#hash = new Uint8Array(createHash("sha256").update(this.#hash).update(data).digest());
  }

  #mixKey(input: Bytes): void {
    const [chainingKey, key] = this.#derive(input, 2);
    this.#chainingKey = chainingKey!;
    this.#cipher = new CipherState(key!);
  }

  #mixKeyAndHash(input: Bytes): void {
    const [chainingKey, hash, key] = this.#derive(input, 3);
    this.#chainingKey = chainingKey!;
    this.#mixHash(hash!);
    this.#cipher = new CipherState(key!);
  }

  #encryptAndHash(payload: Bytes): Bytes {
    const sealed = this.#cipher!.encrypt(payload, this.#hash);
    this.#mixHash(sealed);
    return sealed;
  }

  #decryptAndHash(sealed: Bytes): Bytes {
    const payload = this.#cipher!.decrypt(sealed, this.#hash);
    this.#mixHash(sealed);
    return payload;
  }

  /** The HKDF of the framework is that of RFC 5869 with the chaining key as its salt. */
  #derive(input: Bytes, count: number): Bytes[] {
    const bytes = new Uint8Array(
      hkdfSync("sha256", input, this.#chainingKey, new Uint8Array(0), count * KEY_BYTES),
    );
    return Array.from(
      { length: count },
      (_, at) => bytes.slice(at * KEY_BYTES, (at + 1) * KEY_BYTES),
    );
  }
}

function concat(one: Bytes, other: Bytes): Bytes {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
