/**
 * Access in parts: signed keys that carry their rights, their list, counters, the signing key and the
 * audit log. No room of the server or of the command line knows the files.
 *
 * @module
 */
export { type Claims, type KeyClaims, type LicenseClaims, type Quota, randomId } from "./claims.ts";
export { type QuotaState, readKeyUse } from "./use/counters.ts";
export type { KeyUse } from "./use/key_use.ts";
export { ensureKeyList, type KeyList, keyListPath, readKeyList, revokeKey } from "./key_list.ts";
export { keyJson, type KeyKnowledge, knownKeyJson, stateOf, timeText } from "./key_json.ts";
export {
  FolderKeyStore,
  type IssuedKey,
  issueKey,
  type KeyRights,
  type KeyStore,
  readKeys,
} from "./key_store.ts";
export { type Excess, FolderKeyring, type KeyQuotas, type Keyring } from "./keyring.ts";
export { allowsModel } from "./model_patterns.ts";
export { isReadableByOthers, readIfExists, writePrivateFile } from "./private_file.ts";
export { parseLifetime, parseQuota, quotaText } from "./quantities.ts";
export { DEFAULT_SCOPES, isScope, type Scope, SCOPES } from "./scopes.ts";
export {
  ensureSigningKey,
  importPublicKey,
  publicKeyId,
  readSigningKey,
  type SigningKey,
  signingKeyPath,
} from "./signing_key.ts";
export { isSignedBy, parseToken, signToken } from "./token.ts";
export { SharedRevocations } from "./shared_revocations.ts";
export { type AuditLine, AuditLog } from "./audit.ts";
