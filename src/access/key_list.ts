import { join } from "node:path";
import { ShimmyError } from "../errors.ts";
import { fromPayload, type KeyClaims, toPayload } from "./claims.ts";
import { changeLocked, readIfExists, writePrivateFile } from "./private_file.ts";

/** File of the list in the key folder. A server whose folder has it requires a key. */
const FILE = "keys.json";

/** The issued keys without their signatures, and the revoked ids. */
export interface KeyList {
  readonly keys: readonly KeyClaims[];
  /** Time of the revocation by id, in seconds since the epoch. */
  readonly revoked: Readonly<Record<string, number>>;
}

const EMPTY: KeyList = { keys: [], revoked: {} };

/** Path of the list in a key folder. */
export function keyListPath(folder: string): string {
  return join(folder, FILE);
}

/**
 * The list of a folder; null if there is none.
 *
 * @throws {ShimmyError} `backend` if the file is damaged.
 */
export async function readKeyList(folder: string): Promise<KeyList | null> {
  const path = keyListPath(folder);
  const text = await readIfExists(path);
  if (text === null) return null;
  try {
    const { keys, revoked } = JSON.parse(text) as { keys: unknown[]; revoked: KeyList["revoked"] };
    const claims = keys.map(fromPayload);
    const isRevocation = (value: unknown) => typeof value === "number";
    if (!claims.every((one) => one?.type === "key")) throw new TypeError("a key is malformed");
    if (!Object.values(revoked).every(isRevocation)) throw new TypeError("revoked is malformed");
    return { keys: claims, revoked };
  } catch (cause) {
    throw new ShimmyError("backend", "Cannot read the list of keys: its file is damaged", {
      detail: path,
      cause,
    });
  }
}

/** Creates an empty list if a folder has none. */
export async function ensureKeyList(folder: string): Promise<void> {
  if (await readKeyList(folder) === null) await change(folder, (list) => list);
}

/** Adds an issued key. */
export async function addKey(folder: string, claims: KeyClaims): Promise<void> {
  await change(folder, (list) => ({ ...list, keys: [...list.keys, claims] }));
}

/**
 * Revokes a key. The key need not be in the list: a list that was lost must not make keys irrevocable.
 *
 * @param now Seconds since the epoch.
 */
export async function revokeKey(folder: string, id: string, now: number): Promise<void> {
  await revokeKeys(folder, { [id]: now });
}

/** Adds revocations to the list. An earlier revocation of the same key stays. */
export async function revokeKeys(folder: string, added: KeyList["revoked"]): Promise<void> {
  await change(folder, (list) => ({ ...list, revoked: { ...added, ...list.revoked } }));
}

/** Changes the list, or an empty one if there is none. */
async function change(folder: string, changed: (list: KeyList) => KeyList): Promise<void> {
  const path = keyListPath(folder);
  await changeLocked(path, async () => {
    const { keys, revoked } = changed(await readKeyList(folder) ?? EMPTY);
    const text = JSON.stringify({ version: 1, keys: keys.map(toPayload), revoked }, null, 2);
    await writePrivateFile(path, `${text}\n`);
  });
}
