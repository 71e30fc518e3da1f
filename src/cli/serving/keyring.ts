import {
  FolderKeyring,
  FolderKeyStore,
  isReadableByOthers,
  keyListPath,
  SharedRevocations,
  signingKeyPath,
} from "../../access/mod.ts";
import { messageOf } from "../../errors.ts";
import type { SharedStore } from "../../shared_store/mod.ts";
import type { Log } from "./log.ts";
import { watchFile } from "./watch_file.ts";

/** The keys that a server accepts, and the store that changes them; null where it accepts none. */
export interface OpenKeys extends AsyncDisposable {
  readonly keyring: FolderKeyring | null;
  readonly store: FolderKeyStore | null;
}

/**
 * The keyring of a folder; it follows the changes that `shimmy keys` makes.
 *
 * @param folder Null: the machine has no folder for keys.
 * @param shared The store of several servers that have the same keys, if there is one.
 * @throws {ShimmyError} `backend` for a damaged file.
 */
export async function openKeyring(
  folder: string | null,
  log: Log,
  shared?: SharedStore,
): Promise<OpenKeys> {
  if (folder === null) {
    return { keyring: null, store: null, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const keyring = await FolderKeyring.open(folder, { warn: log.warn, shared }).catch((error) => {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    log.info("Signed keys are off, because the permission to read their folder is not granted");
    return null;
  });
  if (keyring === null) return openKeyring(null, log);
  if (keyring.isRequired) {
    log.info("Requests need a key; shimmy keys list shows the keys");
    if (await isReadableByOthers(signingKeyPath(folder))) {
      log.warn("Other users can read the signing key and make keys: run chmod 600 on its file");
    }
  }
  const stack = new AsyncDisposableStack();
  stack.use(keyring);
  stack.use(watchFile(keyListPath(folder), () => keyring.reload()));
  if (shared !== undefined) {
    const failed = (error: unknown) =>
      log.warn(
        "Cannot write the keys that other servers revoked into the folder of keys; they are revoked " +
          `until this server ends: ${messageOf(error)}`,
      );
    const revocations = stack.use(new SharedRevocations(shared, keyring, folder, { failed }));
    await revocations.synchronize();
  }
  const store = new FolderKeyStore(folder, () => keyring.reload());
  return { keyring, store, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
