import { BudgetError, withBudget } from "./expression/mod.ts";
import { accepts, parsePattern, PatternError, searchAutomaton } from "./regex/mod.ts";
import { ShimmyError } from "../errors.ts";

/** Steps and time for one pattern. The steps take some milliseconds on an idle machine. */
const BUDGET_STEPS = 200_000;
const BUDGET_MS = 2_000;

/**
 * A test whether a text contains a match of a regular expression, without regard to case. The time of a
 * test grows with the length of the text only, so the pattern may come from a model.
 *
 * @throws {ShimmyError} `invalid` for a pattern that is malformed, unsupported or too expensive.
 */
export function patternMatcher(source: string): (text: string) => boolean {
  // The letter after a backslash is not text: \S and \s differ.
  const lower = source.replace(/^\(\?i\)/, "")
    .replace(/\\.|[A-Z]/g, (part) => part.length > 1 ? part : part.toLowerCase());
  try {
    const automaton = withBudget(
      BUDGET_STEPS,
      BUDGET_MS,
      () => searchAutomaton(parsePattern(lower)),
    );
    return (text) => accepts(automaton, text.toLowerCase());
  } catch (error) {
    if (!(error instanceof PatternError) && !(error instanceof BudgetError)) throw error;
    const reason = error instanceof PatternError ? error.message : "it needs too much work";
    throw new ShimmyError("invalid", `pattern '${source.slice(0, 64)}': ${reason}`, {
      cause: error,
    });
  }
}
