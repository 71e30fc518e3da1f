import { assertEquals } from "@std/assert";
import { RadixTree } from "./radix_tree.ts";

const found = (tree: RadixTree<string>, tokens: number[]) =>
  [...tree.matches(tokens)].map(({ holder, length }) => `${holder}:${length}`);

Deno.test("matches come in descending order of their length", () => {
  const tree = new RadixTree<string>();
  tree.set("a", [1, 2, 3, 4]);
  tree.set("b", [1, 2, 5]);
  tree.set("c", [9]);
  assertEquals(found(tree, [1, 2, 3, 9]), ["a:3", "b:2"]);
  assertEquals(found(tree, [1, 2, 5, 6, 7]), ["b:3", "a:2"]);
  assertEquals(found(tree, [7]), []);
  assertEquals(found(tree, []), []);
});

Deno.test("a holder whose tokens end within the match has its own length", () => {
  const tree = new RadixTree<string>();
  tree.set("short", [1, 2]);
  tree.set("long", [1, 2, 3, 4]);
  assertEquals(found(tree, [1, 2, 3, 4]), ["long:4", "short:2"]);
  assertEquals(found(tree, [1, 2]).sort(), ["long:2", "short:2"]);
});

Deno.test("set replaces the tokens of a holder, and delete removes it", () => {
  const tree = new RadixTree<string>();
  tree.set("a", [1, 2, 3]);
  tree.set("a", [4, 5]);
  assertEquals(found(tree, [1, 2, 3]), []);
  assertEquals(found(tree, [4, 5, 6]), ["a:2"]);
  tree.delete("a");
  tree.delete("a");
  assertEquals(found(tree, [4, 5, 6]), []);
});

Deno.test("the tree agrees with a linear comparison over random sets and deletions", () => {
  let state = 7;
  const random = (n: number) => (state = (state * 1103515245 + 12345) & 0x7fffffff) % n;
  const tree = new RadixTree<number>();
  const lists = new Map<number, number[]>();
  for (let round = 0; round < 2000; round++) {
    const holder = random(12);
    if (random(4) === 0) {
      tree.delete(holder);
      lists.delete(holder);
    } else {
      const list = Array.from({ length: random(9) }, () => random(3));
      tree.set(holder, list);
      lists.set(holder, list);
    }
    const query = Array.from({ length: random(10) }, () => random(3));
    const expected = [...lists].map(([name, list]) => {
      let length = 0;
      while (length < Math.min(list.length, query.length) && list[length] === query[length]) {
        length++;
      }
      return { holder: name, length };
    }).filter(({ length }) => length > 0);
    const actual = [...tree.matches(query)];
    const order = (a: { holder: number }, b: { holder: number }) => a.holder - b.holder;
    assertEquals([...actual].sort(order), expected.sort(order));
    for (let i = 1; i < actual.length; i++) {
      assertEquals(actual[i - 1]!.length >= actual[i]!.length, true);
    }
  }
});
