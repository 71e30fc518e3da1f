import type { AnswerLogprob } from "../../../chat/mod.ts";
import { printable } from "../../output/mod.ts";

/** Tokens that are listed at most. */
const MOST_TOKENS = 200;

/** The probability of each token of an answer, and the tokens that were likely too. */
export function probabilityLines(logprobs: readonly AnswerLogprob[]): string[] {
  const rows = logprobs.slice(0, MOST_TOKENS).map(({ bytes, logprob, top }) => {
    const others = top.filter((other) => other.bytes.join() !== bytes.join())
      .map((other) => `${quoted(other.bytes)} ${percent(other.logprob)}`);
    return [percent(logprob).padStart(7), quoted(bytes), others.join(", ")];
  });
  const width = Math.max(0, ...rows.map(([, text]) => text!.length));
  const lines = rows.map(([share, text, others]) =>
    `${share}  ${text!.padEnd(width)}  ${others === "" ? "" : `instead of ${others}`}`.trimEnd()
  );
  const rest = logprobs.length - rows.length;
  return rest > 0 ? [...lines, `and ${rest} more tokens`] : lines;
}

function percent(logprob: number): string {
  return `${(Math.exp(logprob) * 100).toFixed(1)} %`;
}

/** The text of a token; the bytes of one that is a part of a character. */
function quoted(bytes: readonly number[]): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
    return printable(JSON.stringify(text));
  } catch {
    return bytes.map((byte) => `<${byte.toString(16).padStart(2, "0")}>`).join("");
  }
}
