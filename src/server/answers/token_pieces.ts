import type { Engine } from "../../engine/mod.ts";
import { ShimmyError } from "../../errors.ts";

/** Maximum tokens whose texts a response lists. */
const MAX_TOKENS = 100_000;
/** Tokens of one message of the engine: receiving more at once would delay other requests. */
const CHUNK = 4_096;

/**
 * The bytes of each token, for a response that lists them.
 *
 * @param field The field of the request that asks for the list.
 * @throws {ShimmyError} `invalid` for more tokens than a response lists with their texts.
 */
export async function tokenPieces(
  engine: Pick<Engine, "pieces">,
  tokens: readonly number[],
  field: string,
): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  if (tokens.length > MAX_TOKENS) {
    const message =
      `${field}: the text has ${tokens.length} tokens; at most ${MAX_TOKENS} are listed ` +
      "with their texts";
    throw new ShimmyError("invalid", message, { field });
  }
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let start = 0; start < tokens.length; start += CHUNK) {
    pieces.push(...await engine.pieces(tokens.slice(start, start + CHUNK)));
  }
  return pieces;
}
