import type { KeyClaims } from "./claims.ts";
import type { KeyUse } from "./use/key_use.ts";
import type { KeyList } from "./key_list.ts";
import { quotaText } from "./quantities.ts";

/** What is known about keys beside their claims. */
export interface KeyKnowledge {
  readonly list: KeyList;
  readonly use: Readonly<Record<string, KeyUse>>;
  /** Seconds since the epoch. */
  readonly now: number;
}

export type KeyState = "valid" | "expired" | "revoked";

/** The state of a key whose signature is valid. */
export function stateOf(
  { id, expires }: Pick<KeyClaims, "id" | "expires">,
  { list, now }: Pick<KeyKnowledge, "list" | "now">,
): KeyState {
  if (Object.hasOwn(list.revoked, id)) return "revoked";
  return expires !== undefined && now >= expires ? "expired" : "valid";
}

/** A time of claims in ISO 8601. */
export function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The rights of a key for programs. */
export function keyJson({ id, name, created, expires, ...rights }: KeyClaims) {
  const { scopes, models, rate, tokens } = rights;
  return {
    id,
    name,
    created: timeText(created),
    expires: expires === undefined ? null : timeText(expires),
    scopes,
    models: models ?? null,
    rate: rate === undefined ? null : quotaText(rate),
    tokens: tokens === undefined ? null : quotaText(tokens),
  };
}

/** The rights, the state and the use of a key for programs. */
export function knownKeyJson(claims: KeyClaims, knowledge: KeyKnowledge) {
  const use = knowledge.use[claims.id];
  return {
    ...keyJson(claims),
    state: stateOf(claims, knowledge),
    used_requests: use?.requests ?? 0,
    used_tokens: use?.tokens ?? 0,
    last_used: use === undefined ? null : timeText(use.lastUsed),
  };
}
