import { assertEquals } from "@std/assert";
import { NgramLookup } from "./ngram_lookup.ts";

Deno.test("the continuation of an earlier n-gram is proposed, longest n-gram first", () => {
  const tokens = [1, 2, 3, 4, 5, 9, 2, 3, 7, 8, 1, 2, 3];
  assertEquals(new NgramLookup(tokens).propose(3), [4, 5, 9]);
  assertEquals(new NgramLookup([9, 2, 3, 7, 8, 0, 2, 3]).propose(2), [7, 8]);
});

Deno.test("the last occurrence is used, and new text has no proposal", () => {
  assertEquals(new NgramLookup([1, 2, 5, 1, 2, 6, 1, 2]).propose(1), [6]);
  assertEquals(new NgramLookup([1, 2, 3, 4]).propose(4), []);
  assertEquals(new NgramLookup([1]).propose(4), []);
  assertEquals(new NgramLookup([]).propose(4), []);
});

Deno.test("tokens added later are found", () => {
  const tokens = [1, 2, 3];
  const lookup = new NgramLookup(tokens);
  assertEquals(lookup.propose(2), []);
  tokens.push(8, 1, 2);
  assertEquals(lookup.propose(2), [3, 8]);
  tokens.push(3);
  assertEquals(lookup.propose(3), [8, 1, 2]);
});

Deno.test("a continuation up to the end of the text is repeated", () => {
  assertEquals(new NgramLookup([5, 5, 5, 5, 5, 5]).propose(3), [5, 5, 5]);
  assertEquals(new NgramLookup([1, 2, 3, 8, 1, 2, 3]).propose(9), [8, 1, 2, 3, 8, 1, 2, 3, 8]);
});

Deno.test("a long prompt is indexed in several calls, so that other sequences do not wait", () => {
  const tokens = [...Array(20_000).keys(), 15_000, 15_001];
  const lookup = new NgramLookup(tokens);
  assertEquals(lookup.propose(1), []);
  assertEquals(lookup.propose(1), [15_002]);
});
