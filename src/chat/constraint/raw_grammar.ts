import { ShimmyError } from "../../errors.ts";

/** The field in the errors of the grammar room. */
const CHECKED = "grammar";

/** A text that a grammar uses as one token, and the error if the vocabulary has no such token. */
export interface GrammarToken {
  readonly text: string;
  readonly error: ShimmyError;
}

/**
 * Checks the grammar of a request.
 *
 * @param field Name of the grammar in errors.
 * @returns The tokens that remain to be checked against the vocabulary.
 * @throws {ShimmyError} `invalid`, with the field, the problem and its location.
 */
export async function checkRawGrammar(
  source: string,
  field = CHECKED,
): Promise<readonly GrammarToken[]> {
  // Imported on use: most answers are not constrained.
  const { checkGrammar } = await import("../../grammar/mod.ts");
  try {
    const { tokens, unknownToken } = checkGrammar(source);
    const named = new Map(tokens.map((token) => [token.text, token]));
    return [...named.values()].map((token) => ({
      text: token.text,
      error: renamed(unknownToken(token), field),
    }));
  } catch (error) {
    throw error instanceof ShimmyError ? renamed(error, field) : error;
  }
}

/** The error with the name of the request's field. */
function renamed(error: ShimmyError, field: string): ShimmyError {
  if (error.field !== CHECKED || field === CHECKED) return error;
  const message = error.message.replace(CHECKED, field);
  return new ShimmyError("invalid", message, { field, cause: error });
}
