/** What is wrong with how the product handled an input. */
export interface Problem {
  readonly kind:
    /** A process ended that should not have. */
    | "ended"
    /** No answer within the time, which no budget of the product exceeds. */
    | "hang"
    /** `/health` did not answer. */
    | "silent"
    /** A status or an exit status that is not documented. */
    | "status"
    /** An error that the product did not expect, or a wrong result. */
    | "unexpected"
    /** A stack, a path or a key reached a client. */
    | "disclosure"
    /** A process was left over. */
    | "process"
    /** Memory was not returned. */
    | "memory";
  readonly message: string;
}

/** What two problems with the same cause have in common: their kind and the words of their message. */
export function signatureOf({ kind, message }: Problem): string {
  const words = message.replace(/'[^']*'|"[^"]*"/g, "''").replace(/[0-9]+/g, "0");
  return `${kind}: ${words.slice(0, 160)}`;
}

/** Traces of the inside of the product: a stack, a path of this machine, an unexpected error. */
const STACK = /\bat (?:async )?[\w.<>#$ ]*\(?(?:file|npm|ext|https?|jsr):\S+:\d+:\d+/;
const UNEXPECTED =
  /Internal error|Cannot read propert|(?<!that) is not a function|is not iterable|is not defined|Maximum call stack|Invalid array length|Invalid string length|\[object Object\]/;

/** Checks what a client sees. `secrets` are paths and keys that no client may see. */
export function checkVisible(text: string, secrets: readonly string[]): Problem | null {
  const stack = STACK.exec(text)?.[0];
  if (stack !== undefined) return { kind: "disclosure", message: `a stack: ${stack}` };
  const secret = secrets.find((one) => text.includes(one));
  if (secret !== undefined) {
    return { kind: "disclosure", message: `a path or key: ${around(text, secret)}` };
  }
  const words = UNEXPECTED.exec(text)?.[0];
  if (words !== undefined) return { kind: "unexpected", message: around(text, words) };
  return null;
}

/** The surroundings of a part of a text. */
function around(text: string, part: string): string {
  const at = text.indexOf(part);
  return text.slice(Math.max(0, at - 60), at + part.length + 60);
}
