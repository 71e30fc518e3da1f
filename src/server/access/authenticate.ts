import { STATUS_CODE } from "@std/http/status";
import { type KeyClaims, type Keyring, quotaText } from "../../access/mod.ts";
import { apiKeyCheck, HttpError, keysOf, type Route, unauthorized } from "../http/mod.ts";

/** Who sends a request: the holder of a signed key, or somebody with all rights. */
export interface Caller {
  /** Null: the request has all rights. */
  readonly claims: KeyClaims | null;
  /** For the audit log: the id of the key, `api-key`, or null when no key is required. */
  readonly keyId: string | null;
}

/** Logs show this in place of the id for `--api-key`. */
const FULL_KEY = "api-key";

/** Checks the keys of requests. */
export interface Authenticator {
  /** @throws {HttpError} 401 without a valid key, if the server requires one. */
  authenticate(headers: Headers): Promise<Caller>;
}

/** An authenticator for the full-rights key and for signed keys; without both, every request is valid. */
export function createAuthenticator(apiKey: string | null, keyring?: Keyring): Authenticator {
  const hasFullKey = apiKey === null ? null : apiKeyCheck(apiKey);
  return {
    async authenticate(headers) {
      if (await hasFullKey?.(headers)) return { claims: null, keyId: FULL_KEY };
      const usesKeys = keyring?.isRequired ?? false;
      if (usesKeys) {
        for (const key of keysOf(headers)) {
          const claims = await keyring!.verify(key);
          if (claims === null) continue;
          checkValidity(keyring!, claims);
          return { claims, keyId: claims.id };
        }
      }
      if (hasFullKey !== null || usesKeys) throw unauthorized();
      return { claims: null, keyId: null };
    },
  };
}

/** @throws {HttpError} 403 when a key lacks the scope of a route. */
export function checkScope(claims: KeyClaims, { scope }: Pick<Route, "scope">): void {
  if (scope === "any" || claims.scopes.includes(scope)) return;
  throw new HttpError(
    STATUS_CODE.Forbidden,
    `This key lacks the scope '${scope}'; it has ${claims.scopes.join(", ") || "none"}`,
  );
}

/**
 * Counts a request of a key.
 *
 * @throws {HttpError} 401 for an expired or revoked key; 429 with `Retry-After` above a quota.
 */
export function admit(keyring: Keyring, claims: KeyClaims): void {
  checkValidity(keyring, claims);
  const excess = keyring.admit(claims);
  if (excess === null) return;
  const { of, state: { reset } } = excess;
  const limit = quotaText((of === "requests" ? claims.rate : claims.tokens)!);
  throw new HttpError(
    STATUS_CODE.TooManyRequests,
    `The key's limit of ${of} is reached: ${limit}; retry after ${reset} s`,
    { retryAfter: reset },
  );
}

/** @throws {HttpError} 401 for an expired or revoked key. */
export function checkValidity(keyring: Keyring, claims: KeyClaims): void {
  const invalidity = keyring.invalidity(claims);
  if (invalidity !== null) throw invalidKey(invalidity);
}

/** The error for requests and answers of an expired or revoked key. */
export function invalidKey(invalidity: "expired" | "revoked"): HttpError {
  const what = invalidity === "expired" ? "has expired" : "was revoked";
  return new HttpError(STATUS_CODE.Unauthorized, `The API key ${what}`, {
    headers: { "www-authenticate": 'Bearer error="invalid_token"' },
  });
}
