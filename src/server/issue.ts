import type { z } from "zod";

type Issue = z.core.$ZodIssue;

/**
 * The issue that tells most. A union only says that no branch fits; of its branches the one that got
 * furthest into the value is the one that was meant.
 */
export function telling(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  let best: Issue = issue;
  let depth = issue.path.length;
  for (const [first] of issue.errors) {
    if (first === undefined) continue;
    const inner = telling(first);
    // Paths inside a union begin at the union.
    const path = [...issue.path, ...inner.path];
    const reached = path.length + (inner.code === "unrecognized_keys" ? 1 : 0);
    if (reached > depth) {
      best = { ...inner, path };
      depth = reached;
    }
  }
  return best;
}
