import { assertEquals } from "@std/assert";
import { MediaCache } from "./media_cache.ts";

const media = (bytes: number) => ({ pieces: [], bytes });

/** A cache with an image of 40 bytes for each name, which no sequence uses. */
function cacheWith(names: string, idleBytes: number, idleCount = 10): MediaCache {
  const cache = new MediaCache({ idleBytes, idleCount });
  for (const name of names) {
    cache.add(name, media(40));
    cache.release(name);
  }
  return cache;
}

const kept = (cache: MediaCache, names: string) =>
  [...names].filter((name) => cache.has(name)).join("");

Deno.test("the least recently used images are dropped at the limit", () => {
  const cache = cacheWith("ab", 100);
  assertEquals(cache.take("a")?.bytes, 40);
  cache.release("a");
  cache.add("c", media(40));
  assertEquals(kept(cache, "abc"), "abc");
  cache.release("c");
  assertEquals([kept(cache, "abc"), cache.bytes], ["ac", 80]);
});

Deno.test("a cache holds no more images than it may, however small they are", () => {
  assertEquals(kept(cacheWith("abcd", 1000, 2), "abcd"), "cd");
});

Deno.test("an image that a sequence uses stays, and one larger than the limit goes with it", () => {
  const cache = cacheWith("", 100);
  cache.add("a", media(101));
  cache.take("a");
  cache.release("a");
  assertEquals([cache.isHeld("a"), cache.heldBytes, cache.bytes], [true, 101, 101]);
  cache.release("a");
  assertEquals([cache.has("a"), cache.heldBytes, cache.bytes], [false, 0, 0]);
});
