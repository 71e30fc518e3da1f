/** A SentencePiece token: text, merge score, and type (`llama_token_type`). */
export interface VocabularyEntry {
  readonly text: string;
  readonly score: number;
  readonly kind: number;
}

const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;
/** SentencePiece symbol for a space. */
const SPACE = "\u2581";
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];

/**
 * A vocabulary in which every word of up to three letters with its leading space is one token:
 * control tokens, bytes, single characters, then words by length. Each prefix of a word is a token
 * too, and shorter ones merge first, so that tokenization goes from left to right.
 *
 * @param size at least 500, at most about 475,000 tokens.
 */
export function benchVocabulary(size: number): VocabularyEntry[] {
  const entries: VocabularyEntry[] = [
    { text: "<unk>", score: 0, kind: UNKNOWN },
    { text: "<s>", score: 0, kind: CONTROL },
    { text: "</s>", score: 0, kind: CONTROL },
    { text: "<|im_start|>", score: 0, kind: CONTROL },
    { text: "<|im_end|>", score: 0, kind: CONTROL },
  ];
  for (let byte = 0; byte < 256; byte++) {
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    entries.push({ text: `<0x${hex}>`, score: 0, kind: BYTE });
  }
  const piece = (text: string) => entries.push({ text, score: -entries.length, kind: NORMAL });
  piece(SPACE);
  for (let point = 0x21; point < 0x7f; point++) piece(String.fromCharCode(point));
  for (const word of words()) {
    if (entries.length >= size) return entries;
    piece(SPACE + word);
  }
  throw new RangeError(
    `Cannot make a vocabulary: size is ${size}, which is more than it has words`,
  );
}

/** Words of one to four letters, each after its prefix. */
function* words(): Generator<string> {
  let shorter = [""];
  for (let length = 1; length <= 4; length++) {
    const longer: string[] = [];
    for (const beginning of shorter) {
      for (const letter of LETTERS) {
        longer.push(beginning + letter);
        yield beginning + letter;
      }
    }
    shorter = longer;
  }
}

/**
 * A text of `count` words of one token each, generated from a seed. Different seeds begin
 * differently.
 *
 * @param count number of words, and of tokens without BOS.
 */
export function benchText(count: number, seed: number): string {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  const letter = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return LETTERS[(state >>> 0) % LETTERS.length]!;
  };
  return Array.from({ length: count }, () => letter() + letter() + letter()).join(" ");
}
