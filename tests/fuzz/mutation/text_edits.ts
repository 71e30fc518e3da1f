import * as fc from "test:fast-check";

/** A change of a text. Positions wrap around, so that every edit applies to every text. */
export interface TextEdit {
  readonly at: number;
  /** Characters that are removed at the position. */
  readonly remove: number;
  /** The text that is inserted, or the first character and the length of a copied part. */
  readonly insert: string | { readonly from: number; readonly length: number };
  /** How often it is inserted. */
  readonly times: number;
}

/** Characters of a text after all edits, at most. */
const MAX_LENGTH = 400_000;

/** Applies edits in their order. */
export function editText(text: string, edits: readonly TextEdit[]): string {
  return edits.reduce(applyEdit, text);
}

function applyEdit(text: string, { at, remove, insert, times }: TextEdit): string {
  const start = at % (text.length + 1);
  const added = typeof insert === "string" ? insert : part(text, insert);
  const room = Math.max(0, MAX_LENGTH - text.length);
  const count = Math.min(times, Math.floor(room / Math.max(1, added.length)));
  return text.slice(0, start) + added.repeat(count) + text.slice(start + remove);
}

function part(text: string, { from, length }: { from: number; length: number }): string {
  const start = from % (text.length + 1);
  return text.slice(start, start + length);
}

/**
 * Edits of texts in a language.
 *
 * @param words Words and signs of the language, which are inserted more often than other text.
 */
export function textEdits(words: readonly string[], most = 6): fc.Arbitrary<TextEdit[]> {
  const times = fc.oneof(
    { weight: 12, arbitrary: fc.constant(1) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 50 }) },
    { weight: 1, arbitrary: fc.constantFrom(1_000, 20_000, 100_000) },
  );
  const insert = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...words) },
    { weight: 3, arbitrary: fc.record({ from: fc.nat(2_000), length: fc.nat(60) }, PLAIN) },
    { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 8 }) },
  );
  const edit = fc.record({
    at: fc.nat(5_000),
    remove: fc.oneof(fc.constant(0), fc.nat(12), fc.nat(400)),
    insert,
    times,
  }, PLAIN);
  return fc.array(edit, { maxLength: most });
}

/** Objects as `JSON.parse` makes them. */
const PLAIN = { noNullPrototype: true } as const;
