import type { VisitString } from "./cursor.ts";
import { withCursor } from "./gguf.ts";
import { readMetadata } from "./metadata.ts";

/** Tokenizers without a vocabulary, whose tokens libllama does not read. */
const NO_VOCABULARY: ReadonlySet<unknown> = new Set(["none", "no_vocab"]);

/**
 * Finds a token that the vocabulary of a GGUF file has twice. libllama ends the process for such a
 * file. Null if every token is unique.
 *
 * @throws {ShimmyError} as `readHeader` does.
 */
export async function repeatedToken(path: string): Promise<string | null> {
  // A string for each of 250,000 tokens takes ten times as long as a hash.
  const hashes: number[] = [];
  const hasVocabulary = await readTokens(path, (buffer, start, end) => {
    hashes.push(hashOf(buffer, start, end));
  });
  if (!hasVocabulary) return null;
  const sorted = Float64Array.from(hashes).sort();
  const repeated = new Set(sorted.filter((hash, index) => hash === sorted[index - 1]));
  return repeated.size === 0 ? null : await confirmed(path, repeated);
}

/** The first token that really occurs twice, among those with a repeated hash. */
async function confirmed(path: string, hashes: ReadonlySet<number>): Promise<string | null> {
  const seen = new Set<string>();
  let repeated: string | null = null;
  await readTokens(path, (buffer, start, end) => {
    if (repeated !== null || !hashes.has(hashOf(buffer, start, end))) return;
    const bytes = buffer.subarray(start, end);
    const key = bytes.join();
    if (seen.has(key)) repeated = new TextDecoder().decode(bytes);
    seen.add(key);
  });
  return repeated;
}

/** Visits the tokens of a file. False if libllama ignores them. */
async function readTokens(path: string, visit: VisitString): Promise<boolean> {
  return await withCursor(path, async (cursor, size) => {
    const { metadata } = await readMetadata(cursor, size, (key) => {
      if (key !== "tokenizer.ggml.tokens") return;
      return (buffer, start, end) => {
        // libllama gives empty tokens distinct names.
        if (end > start) visit(buffer, start, end);
      };
    });
    return !NO_VOCABULARY.has(metadata.get("tokenizer.ggml.model"));
  });
}

/** A hash of 53 bits, from two hashes of FNV-1a with different primes. */
function hashOf(buffer: Uint8Array, start: number, end: number): number {
  let high = 0x811c9dc5;
  let low = 0x811c9dc5;
  for (let at = start; at < end; at++) {
    high = Math.imul(high ^ buffer[at]!, 0x01000193);
    low = Math.imul(low ^ buffer[at]!, 0x5bd1e995);
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}
