import type { Engine } from "../../engine/mod.ts";

/**
 * Checks a grammar that a request brings, before anything is made of it.
 * @throws {ShimmyError} `invalid`, field `grammar`: what is wrong, and where.
 */
export async function checkRawGrammar(engine: Engine, source: string): Promise<void> {
  // Imported when it is needed: most answers are not held to anything.
  const { checkGrammar } = await import("../../grammar/mod.ts");
  const { tokens, unknownToken } = checkGrammar(source);
  for (const token of tokens) {
    const ids = await engine.tokenize([{ text: token.text, special: true }], false);
    if (ids.length !== 1) throw unknownToken(token);
  }
}
