import { assertEquals } from "@std/assert";
import { MediaCache } from "./media_cache.ts";

const media = (bytes: number) => ({ pieces: [], bytes });

Deno.test("the least recently used images are dropped at the limit", () => {
  const cache = new MediaCache(100);
  cache.add("a", media(40));
  cache.add("b", media(40));
  cache.get("a");
  cache.add("c", media(40));
  assertEquals([cache.get("a")?.bytes, cache.get("b"), cache.get("c")?.bytes], [40, undefined, 40]);
  assertEquals(cache.bytes, 80);
});

Deno.test("an image larger than the limit is not kept", () => {
  const cache = new MediaCache(100);
  cache.add("a", media(101));
  assertEquals([cache.get("a"), cache.bytes], [undefined, 0]);
});

Deno.test("rows of different images have different numbers, those of one image always the same", () => {
  const cache = new MediaCache(100);
  const a = cache.number("a", 3);
  const b = cache.number("b", 2);
  assertEquals([a, b, cache.number("a", 3), cache.number("c", 1)], [-2, -5, -2, -7]);
});
