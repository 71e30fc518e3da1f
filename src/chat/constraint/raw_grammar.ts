import type { Engine } from "../../engine/mod.ts";

/**
 * Checks the grammar of a request.
 *
 * @throws {ShimmyError} `invalid`, field `grammar`, with problem and location.
 */
export async function checkRawGrammar(engine: Engine, source: string): Promise<void> {
  // Imported on use: most answers are not constrained.
  const { checkGrammar } = await import("../../grammar/mod.ts");
  const { tokens, unknownToken } = checkGrammar(source);
  for (const token of tokens) {
    const ids = await engine.tokenize([{ text: token.text, special: true }], false);
    if (ids.length !== 1) throw unknownToken(token);
  }
}
