/** The words of Zod for an issue whose schema has no message of its own, and what is said instead. */
const WORDS: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [
    /^Invalid input: expected (\w+), received (\w+)$/,
    (expected, received) => `must be ${withArticle(expected!)}, not ${withArticle(received!)}`,
  ],
  [/^Invalid input: expected (.+)$/, (expected) => `must be ${expected}`],
  [
    /^Invalid option: expected one of (.+)$/,
    (options) => `must be one of ${options!.split("|").join(", ")}`,
  ],
  [/^Too big: expected \w+ to be <=?(.+)$/, (most) => `must be at most ${most}`],
  [/^Too small: expected \w+ to be >=?(.+)$/, (least) => `must be at least ${least}`],
  [/^Too big: expected \w+ to have <=?(.+)$/, (most) => `must have at most ${most}`],
  [/^Too small: expected \w+ to have >=?(.+)$/, (least) => `must have at least ${least}`],
];

/** Types that JSON has no plural or number of. */
const NAMES: Readonly<Record<string, string>> = {
  array: "a list",
  int: "a whole number",
  null: "null",
  object: "an object",
  record: "an object",
  string: "a text",
  undefined: "absent",
};

function withArticle(type: string): string {
  return NAMES[type] ?? `a ${type}`;
}

/** The message of an issue in the words of the other errors: what a field must be. */
export function plainMessage(message: string): string {
  for (const [words, plain] of WORDS) {
    const found = words.exec(message);
    if (found !== null) return plain(...found.slice(1));
  }
  return message;
}
