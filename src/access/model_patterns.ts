/**
 * Whether a pattern matches a model's name. `*` is any text, `?` any one character; case does not matter.
 * A globbing library would treat `/` in names of models specially. A regular expression with many `*` would
 * try too many ways to match a long name; here only the last `*` is tried again.
 */
function matches(pattern: string, name: string): boolean {
  const [wanted, given] = [[...pattern.toLowerCase()], [...name.toLowerCase()]];
  let [at, place, star, taken] = [0, 0, -1, 0];
  while (place < given.length) {
    if (wanted[at] === "*") [star, taken] = [at++, place];
    else if (wanted[at] === "?" || wanted[at] === given[place]) [at, place] = [at + 1, place + 1];
    else if (star >= 0) [at, place] = [star + 1, ++taken];
    else return false;
  }
  return wanted.slice(at).every((one) => one === "*");
}

/** Whether one of the patterns matches one of a model's names; without patterns, all models match. */
export function allowsModel(
  patterns: readonly string[] | undefined,
  names: readonly string[],
): boolean {
  return patterns === undefined ||
    patterns.some((pattern) => names.some((name) => matches(pattern, name)));
}
