import type { Found, Verdict } from "./compare.ts";

/**
 * A verdict for people.
 *
 * @param withText Append the text of an identical answer.
 */
export function verdictText(verdict: Verdict, withText = false): string {
  switch (verdict.result) {
    case "identical": {
      const { tokens, text, differences } = verdict;
      return [
        `identical: ${tokens} tokens${differences.length === 0 ? "" : ", although these differ:"}`,
        ...(differences.length === 0 ? [] : [list(differences)]),
        ...(withText ? [text] : []),
      ].join("\n");
    }
    case "differs":
      return `differs at token ${verdict.at}: ${foundText(verdict.expected)} in the receipt, ` +
        `${foundText(verdict.found)} now${gapText(verdict.expected, verdict.found)}`;
    case "other text":
      return "other text: the tokens are identical, but the response has " +
        `${excerpt(verdict.given)} in place of ${excerpt(verdict.computed)}`;
    case "other end":
      return `other end: the tokens are identical, but the answer ends with ` +
        `${JSON.stringify(verdict.found)} now, not ${JSON.stringify(verdict.expected)}`;
    case "not comparable":
      return `not comparable:\n${list(verdict.reasons)}`;
  }
}

/** A verdict for programs. */
export function verdictJson(verdict: Verdict) {
  if (verdict.result !== "differs") return verdict;
  const { expected, found } = verdict;
  return { ...verdict, logprob_gap: gap(expected, found) };
}

function excerpt(text: string): string {
  return text === ""
    ? "the end"
    : JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}

function foundText(found: Found | null): string {
  if (found === null) return "the end";
  const logprob = found.logprob === null ? "" : `, log probability ${found.logprob.toFixed(4)}`;
  return `${JSON.stringify(found.text)} (${found.token}${logprob})`;
}

/** By how much the token that was found is likelier than the one of the receipt. */
function gap(expected: Found | null, found: Found | null): number | null {
  const [a, b] = [expected?.logprob, found?.logprob];
  return a == null || b == null ? null : b - a;
}

function gapText(expected: Found | null, found: Found | null): string {
  const value = gap(expected, found);
  return value === null ? "" : `; gap ${value.toFixed(4)}`;
}
