import {
  type KeyClaims,
  type KeyKnowledge,
  quotaText,
  stateOf,
  timeText,
} from "../../access/mod.ts";
import { table } from "../output/mod.ts";

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
