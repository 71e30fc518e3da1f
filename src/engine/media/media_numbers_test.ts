import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { rowToken } from "../protocol/mod.ts";
import { MediaNumbers } from "./media_numbers.ts";

/** Tokens of rows, the last `positions` of which move the position. */
function rows(first: number, count: number, positions = count): number[] {
  return Array.from({ length: count }, (_, row) => rowToken(first + row, row >= count - positions));
}

Deno.test("rows of different images have different numbers, those of one image always the same", () => {
  const numbers = new MediaNumbers("encoder");
  const a = numbers.first("a", 3);
  const b = numbers.first("b", 2);
  assertEquals([a, b, numbers.first("a", 3), numbers.first("c", 1)], [0, 3, 0, 5]);
});

Deno.test("no number is used twice when all are taken", () => {
  const numbers = new MediaNumbers("encoder");
  numbers.first("a", 2 ** 30 - 10);
  assertThrows(() => numbers.first("b", 100), ShimmyError, "too many images and sounds");
});

Deno.test("in a file, the rows of an image are the same for each process", () => {
  const one = new MediaNumbers("encoder");
  const other = new MediaNumbers("encoder");
  other.first("before", 100);
  // An image of two pieces with three and two rows, and a number after each.
  const tokensOf = (numbers: MediaNumbers) => {
    const first = numbers.first("a", 7);
    return [5, ...rows(first, 3, 2), 6, ...rows(first + 4, 2), ...rows(first, 3, 2), 7];
  };
  const named = one.toFile(tokensOf(one))!;
  assertNotEquals(tokensOf(other), tokensOf(one));
  assertEquals(other.toFile(tokensOf(other)), named);
  assertEquals(other.fromFile(named), tokensOf(other));
  assertEquals(one.fromFile(named), tokensOf(one));
  assertEquals(named.media!.map(({ at, rows, offset }) => [at, rows, offset]), [
    [1, 3, 0],
    [5, 2, 4],
    [7, 3, 0],
  ]);
  // A file that ends inside of an image.
  const part = one.toFile(tokensOf(one).slice(0, 3))!;
  assertEquals(other.fromFile(part), tokensOf(other).slice(0, 3));
});

Deno.test("with another encoder, the rows of the same image are others", () => {
  const named = (origin: string) => {
    const numbers = new MediaNumbers(origin);
    return numbers.toFile(rows(numbers.first("a", 3), 3))!;
  };
  assertNotEquals(named("one").tokens, named("two").tokens);
  const own = new MediaNumbers("two");
  const first = own.first("a", 3);
  assert(own.fromFile(named("one"))!.every((token) => !rows(first, 3).includes(token)));
});

Deno.test("a file of another version of the reading of images has other rows", () => {
  const own = new MediaNumbers("encoder");
  const first = own.first("a", 3);
  const named = own.toFile(rows(first, 3))!;
  assertEquals(own.fromFile(named), rows(first, 3));
  const media = named.media!.map((file) => ({ ...file, name: file.name.replace(/^\d+/, "0") }));
  const read = own.fromFile({ ...named, media })!;
  assertEquals(read.length, 3);
  assert(read.every((token) => !rows(first, 3).includes(token)));
});

Deno.test("images that are not those of the tokens are refused", () => {
  const numbers = new MediaNumbers("encoder");
  const named = numbers.toFile([1, ...rows(numbers.first("a", 3), 3), 2])!;
  const [image] = named.media!;
  const changed = (changes: Partial<typeof image>) =>
    numbers.fromFile({ ...named, media: [{ ...image!, ...changes }] });
  assertEquals(numbers.fromFile({ tokens: named.tokens }), null);
  assertEquals(changed({ at: 0 }), null);
  assertEquals(changed({ rows: 2 }), null);
  assertEquals(changed({ rows: 5 }), null);
  assertEquals(changed({ offset: 1 }), null);
  assertEquals(changed({ count: 4 }), null);
  assertEquals(changed({ name: "other", count: 2 ** 20 }), null);
  assertEquals(numbers.toFile(rows(500, 2)), null);
});
