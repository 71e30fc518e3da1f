import type { Engine } from "../../engine/mod.ts";
import { ShimmyError } from "../../errors.ts";

/** The field in the errors of the grammar room. */
const CHECKED = "grammar";

/**
 * Checks the grammar of a request.
 *
 * @param field Name of the grammar in errors.
 * @throws {ShimmyError} `invalid`, with the field, the problem and its location.
 */
export async function checkRawGrammar(
  engine: Engine,
  source: string,
  field = CHECKED,
): Promise<void> {
  try {
    await check(engine, source);
  } catch (error) {
    if (!(error instanceof ShimmyError) || error.field !== CHECKED || field === CHECKED) {
      throw error;
    }
    const message = error.message.replace(CHECKED, field);
    throw new ShimmyError("invalid", message, { field, cause: error });
  }
}

async function check(engine: Engine, source: string): Promise<void> {
  // Imported on use: most answers are not constrained.
  const { checkGrammar } = await import("../../grammar/mod.ts");
  const { tokens, unknownToken } = checkGrammar(source);
  for (const token of tokens) {
    const ids = await engine.tokenize([{ text: token.text, special: true }], false);
    if (ids.length !== 1) throw unknownToken(token);
  }
}
