import { assertEquals } from "@std/assert";
import { tokens } from "../../../tests/doubles/kv_cache.ts";
import { PublishedTokens } from "./published_tokens.ts";

Deno.test("the longest state with the beginning of a token list is known, by scope", () => {
  const published = new PublishedTokens();
  published.add(tokens(100), "");
  published.add(tokens(200), "");
  published.add(tokens(300, 9), "");
  assertEquals(published.covered(tokens(250), ""), 200);
  assertEquals(published.covered(tokens(150), ""), 100);
  assertEquals(published.covered(tokens(250), "lora"), 0);
});

Deno.test("only states that are written are replaced, and once", () => {
  const published = new PublishedTokens();
  const one = published.add(tokens(100), "");
  published.confirm(one, "a");
  const lost = published.add(tokens(150), "");
  assertEquals(published.takeReplaced(tokens(100), ""), []);
  assertEquals(published.takeReplaced(tokens(200), ""), ["a"]);
  assertEquals(published.takeReplaced(tokens(200), ""), []);
  published.forget(lost);
  assertEquals(published.covered(tokens(200), ""), 0);
});
