/** Saturation of repeated words, and the weight of a text's length: the usual values of BM25. */
const K1 = 1.2;
const B = 0.75;

/** Words in lower case. Names such as `getWeather_now` have three. */
function wordsOf(text: string): string[] {
  const spaced = text.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2").toLowerCase();
  return spaced.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/**
 * The indices of the documents that share a word with a query, the best first, by Okapi BM25 (Robertson
 * and Zaragoza, The Probabilistic Relevance Framework, 2009) with an inverse document frequency that is
 * never negative.
 */
export function rankByWords(query: string, documents: readonly string[]): number[] {
  const texts = documents.map(wordsOf);
  const average = texts.reduce((sum, { length }) => sum + length, 0) / Math.max(1, texts.length);
  const scores = texts.map(() => 0);
  for (const word of new Set(wordsOf(query))) {
    const counts = texts.map((text) => text.filter((other) => other === word).length);
    const having = counts.filter((count) => count > 0).length;
    const rarity = Math.log(1 + (texts.length - having + 0.5) / (having + 0.5));
    counts.forEach((count, index) => {
      const length = 1 - B + B * texts[index]!.length / average;
      scores[index]! += rarity * count * (K1 + 1) / (count + K1 * length);
    });
  }
  return [...scores.keys()].filter((index) => scores[index]! > 0)
    .sort((one, other) => scores[other]! - scores[one]! || one - other);
}
