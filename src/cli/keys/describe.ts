import { type KeyClaims, type KeyList, type KeyUse, quotaText } from "../../access/mod.ts";
import { table } from "../output/mod.ts";

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

/** A key as one sentence. */
export function describeKey({ id, name, ...claims }: KeyClaims): string {
  const { scopes, models, rate, tokens, expires } = claims;
  return [
    `Key '${name}' (${id}): ${scopes.join(", ")}`,
    `models ${models?.join(", ") ?? "all"}`,
    ...(rate === undefined ? [] : [`${quotaText(rate)} requests`]),
    ...(tokens === undefined ? [] : [`${quotaText(tokens)} tokens`]),
    expires === undefined ? "does not expire" : `expires ${timeText(expires)}`,
  ].join("; ");
}

/** A key for programs. */
export function keyJson(claims: KeyClaims, knowledge?: KeyKnowledge) {
  const { id, name, created, expires, scopes, models, rate, tokens } = claims;
  const use = knowledge?.use[id];
  return {
    id,
    name,
    created: timeText(created),
    expires: expires === undefined ? null : timeText(expires),
    scopes,
    models: models ?? null,
    rate: rate === undefined ? null : quotaText(rate),
    tokens: tokens === undefined ? null : quotaText(tokens),
    ...(knowledge === undefined ? {} : {
      state: stateOf(claims, knowledge),
      used_requests: use?.requests ?? 0,
      used_tokens: use?.tokens ?? 0,
      last_used: use === undefined ? null : timeText(use.lastUsed),
    }),
  };
}

/** All keys, for people. */
export function keyTable(knowledge: KeyKnowledge): string {
  return table([
    [
      "ID",
      "NAME",
      "STATE",
      "SCOPES",
      "MODELS",
      "LIMITS",
      "EXPIRES",
      "REQUESTS",
      "TOKENS",
      "LAST USED",
    ],
    ...knowledge.list.keys.map((claims) => {
      const { id, name, scopes, models, rate, tokens, expires } = claims;
      const use = knowledge.use[id];
      const limits = [
        ...(rate === undefined ? [] : [quotaText(rate)]),
        ...(tokens === undefined ? [] : [`${quotaText(tokens)} tokens`]),
      ];
      return [
        id,
        name,
        stateOf(claims, knowledge),
        scopes.join(","),
        models?.join(",") ?? "all",
        limits.join(", ") || "none",
        expires === undefined ? "never" : timeText(expires),
        use?.requests ?? 0,
        use?.tokens ?? 0,
        use === undefined ? "never" : timeText(use.lastUsed),
      ];
    }),
  ]);
}
