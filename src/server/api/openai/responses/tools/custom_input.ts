/** The start of the arguments of a custom tool's function. */
const BEGIN = /^\s*\{\s*"input"\s*:\s*"/;

/**
 * The part of a custom tool's input that incomplete arguments contain.
 * @param json the start of an object with the text `input`.
 */
export function partialInput(json: string): string {
  const begin = json.match(BEGIN);
  if (begin === null) return "";
  const rest = json.slice(begin[0].length);
  // Everything up to the closing quote, without an escape that is not complete.
  const text = rest.match(/^(?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*/)![0];
  // Half of a surrogate pair waits for the other half.
  const whole = text.replace(/(?:\\u[dD][89abAB][0-9a-fA-F]{2}|[\uD800-\uDBFF])$/, "");
  try {
    return JSON.parse(`"${whole}"`);
  } catch {
    return "";
  }
}

/** The input in arguments at their end. Complete arguments without `input` are the input themselves. */
export function wholeInput(json: string): string {
  try {
    const { input } = JSON.parse(json);
    return typeof input === "string" ? input : json;
  } catch {
    return partialInput(json);
  }
}
