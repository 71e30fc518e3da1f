/**
 * Whether a pattern matches a model's name. `*` is any text, `?` any one character; case does not matter.
 * A globbing library would treat `/` in names of models specially.
 */
function matches(pattern: string, name: string): boolean {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is").test(name);
}

/** Whether one of the patterns matches one of a model's names; without patterns, all models match. */
export function allowsModel(
  patterns: readonly string[] | undefined,
  names: readonly string[],
): boolean {
  return patterns === undefined ||
    patterns.some((pattern) => names.some((name) => matches(pattern, name)));
}
