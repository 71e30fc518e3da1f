import type { KeyQuotas, QuotaState } from "../../access/mod.ts";
import type { Dialect } from "../http/mod.ts";

/**
 * Headers that tell what is left of a key's quotas.
 *
 * OpenAI's names (https://platform.openai.com/docs/guides/rate-limits) are used by all dialects;
 * Anthropic's (https://docs.anthropic.com/en/api/rate-limits) are added in its own.
 */
export function rateHeaders(
  quotas: KeyQuotas,
  dialect: Dialect["name"],
): [string, string][] {
  return Object.entries(quotas).flatMap(([kind, state]: [string, QuotaState]) =>
    [
      [`x-ratelimit-limit-${kind}`, String(state.limit)],
      [`x-ratelimit-remaining-${kind}`, String(state.remaining)],
      [`x-ratelimit-reset-${kind}`, durationText(state.reset)],
      ...(dialect !== "anthropic" ? [] : [
        [`anthropic-ratelimit-${kind}-limit`, String(state.limit)],
        [`anthropic-ratelimit-${kind}-remaining`, String(state.remaining)],
        [`anthropic-ratelimit-${kind}-reset`, timeText(state.resetAt * 1000)],
      ] as [string, string][]),
    ] as [string, string][]
  );
}

/** Seconds in the form of Go's durations, as OpenAI writes them: `1h2m3s`. */
function durationText(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return [
    ...(hours > 0 ? [`${hours}h`] : []),
    ...(hours > 0 || minutes > 0 ? [`${minutes}m`] : []),
    `${seconds % 60}s`,
  ].join("");
}

/** A time in RFC 3339, to the second. */
function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}
