import { BudgetError, withBudget } from "./expression/mod.ts";
import { accepts, parsePattern, PatternError, searchAutomaton } from "./regex/mod.ts";
import { ShimmyError } from "../errors.ts";

/** The work for one pattern. The steps take some milliseconds on an idle machine. */
const LIMITS = { steps: 200_000, milliseconds: 2_000 };
const SPENT = "it needs too much work";

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
    const automaton = withBudget(LIMITS, SPENT, () => searchAutomaton(parsePattern(lower)));
    return (text) => accepts(automaton, text.toLowerCase());
  } catch (error) {
    if (!(error instanceof PatternError) && !(error instanceof BudgetError)) throw error;
    throw new ShimmyError("invalid", `pattern '${source.slice(0, 64)}': ${error.message}`, {
      cause: error,
    });
  }
}
