import {
  type Claims,
  importPublicKey,
  isSignedBy,
  keyJson,
  parseToken,
  readKeyList,
  readSigningKey,
  stateOf,
  timeText,
} from "../../access/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { fields } from "../output/mod.ts";

/** What a token says, and whether it may be believed. */
export interface Inspection {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
  /** The signature is right, and the token is neither expired nor revoked. */
  readonly isValid: boolean;
}

/**
 * Shows a key.
 *
 * @param now Seconds since the epoch.
 * @throws {ShimmyError} `invalid` for a text that is no key.
 */
export async function inspectKey(folder: string, key: string, now: number): Promise<Inspection> {
  const { claims, isSigned } = await read(key, await ownPublicKey(folder));
  if (claims.type !== "key") {
    throw new ShimmyError("invalid", "This is a license; see shimmy license");
  }
  const list = await readKeyList(folder) ?? { keys: [], revoked: {} };
  const json = { ...keyJson(claims), ...verdict(isSigned, stateOf(claims, { list, now })) };
  return { json, text: asText(json), isValid: json.state === "valid" };
}

/**
 * Shows a license.
 *
 * @param publicKey The issuer's; null: the own one.
 * @throws {ShimmyError} `invalid` for a text that is no license.
 */
export async function inspectLicense(
  folder: string | null,
  license: string,
  publicKey: string | null,
  now: number,
): Promise<Inspection> {
  const own = folder === null ? null : await ownPublicKey(folder);
  const { claims, isSigned } = await read(
    license,
    publicKey === null ? own : await importPublicKey(publicKey),
  );
  if (claims.type !== "license") throw new ShimmyError("invalid", "This is a key; see shimmy keys");
  const { id, name, created, expires } = claims;
  const json = {
    id,
    name,
    created: timeText(created),
    expires: expires === undefined ? null : timeText(expires),
    ...verdict(isSigned, stateOf(claims, { list: { keys: [], revoked: {} }, now })),
  };
  return { json, text: asText(json), isValid: json.state === "valid" };
}

async function ownPublicKey(folder: string): Promise<CryptoKey | null> {
  return (await readSigningKey(folder))?.publicKey ?? null;
}

async function read(
  token: string,
  publicKey: CryptoKey | null,
): Promise<{ readonly claims: Claims; readonly isSigned: boolean }> {
  const parsed = parseToken(token);
  if (parsed === null) {
    throw new ShimmyError("invalid", "This is no key or license of Shimmy: shimmy-... is expected");
  }
  const isSigned = publicKey !== null && await isSignedBy(parsed, publicKey);
  return { claims: parsed.claims, isSigned };
}

function verdict(isSigned: boolean, state: string) {
  return {
    signature: isSigned ? "valid" : "not made by this signing key",
    state: isSigned ? state : "invalid",
  };
}

function asText(json: Readonly<Record<string, unknown>>): string {
  return fields(
    Object.entries(json).map(([name, value]) => [
      name,
      value === null
        ? EMPTY[name] ?? "none"
        : Array.isArray(value)
        ? value.join(", ")
        : String(value),
    ]),
  );
}

/** What a missing claim means. */
const EMPTY: Readonly<Record<string, string>> = { expires: "never", models: "all" };
