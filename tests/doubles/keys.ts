import { join } from "node:path";
import { type KeyClaims, randomId } from "../../src/access/claims.ts";
import { addKey, ensureKeyList, revokeKey } from "../../src/access/key_list.ts";
import { FolderKeyring } from "../../src/access/keyring.ts";
import { ensureSigningKey } from "../../src/access/signing_key.ts";
import { signToken } from "../../src/access/token.ts";

/** A keyring in a folder of its own, and a clock that stands still. */
export class KeysDouble implements AsyncDisposable {
  /** Milliseconds since the epoch. */
  now = 1_700_000_000_000;

  private constructor(readonly folder: string, readonly warnings: string[]) {}

  #keyring: FolderKeyring | null = null;

  static async create({ required = true } = {}): Promise<KeysDouble> {
    const folder = join(await Deno.makeTempDir(), "keys");
    await ensureSigningKey(folder);
    if (required) await ensureKeyList(folder);
    const keys = new KeysDouble(folder, []);
    await keys.reopen();
    return keys;
  }

  get keyring(): FolderKeyring {
    return this.#keyring!;
  }

  /** Closes the keyring and opens it again, as a restart of the server does. */
  async reopen(): Promise<void> {
    await this.#keyring?.[Symbol.asyncDispose]();
    this.#keyring = await FolderKeyring.open(this.folder, {
      now: () => this.now,
      warn: (message) => void this.warnings.push(message),
    });
  }

  /** Makes a key. Without values it has the scopes `chat`, `embed` and `models:read`. */
  async issue(
    values: Partial<KeyClaims> = {},
  ): Promise<{ readonly claims: KeyClaims; readonly token: string }> {
    const claims: KeyClaims = {
      type: "key",
      id: randomId(),
      name: "n",
      created: Math.floor(this.now / 1000),
      scopes: ["chat", "embed", "models:read"],
      ...values,
    };
    await addKey(this.folder, claims);
    const { privateKey } = await ensureSigningKey(this.folder);
    return { claims, token: await signToken(claims, privateKey) };
  }

  async revoke(id: string): Promise<void> {
    await revokeKey(this.folder, id, this.now / 1000);
    await this.keyring.reload();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keyring[Symbol.asyncDispose]();
    await Deno.remove(join(this.folder, ".."), { recursive: true });
  }
}
