import { assertEquals } from "@std/assert";
import { cacheWith, tokens } from "../../../tests/doubles/kv_cache.ts";

Deno.test("a rewound stream loses its last tokens, which no other sequence finds then", () => {
  const { cache, memory } = cacheWith();
  const stream = cache.acquire(tokens(40), true)!;
  stream.tokens.push(...tokens(60));
  cache.announce(stream, tokens(61));
  assertEquals(cache.cachedLength(tokens(100), ""), 60);
  cache.rewind(stream, [...tokens(50), 900], 50);
  assertEquals(memory.take(), [`remove ${stream.id} 50 -1`]);
  assertEquals(stream.tokens, tokens(50));
  assertEquals(cache.cachedLength(tokens(100), ""), 50);
});

Deno.test("a stream that is not computed so far loses nothing", () => {
  const { cache, memory } = cacheWith();
  const stream = cache.acquire(tokens(40), true)!;
  stream.tokens.push(...tokens(30));
  cache.rewind(stream, tokens(40), 39);
  assertEquals([memory.take(), stream.tokens.length], [[], 30]);
});

Deno.test("a memory that cannot be cut returns to a checkpoint, and makes one at the place", () => {
  const { cache, memory } = cacheWith({ canTruncate: false });
  const stream = cache.acquire(tokens(60), true)!;
  stream.tokens.push(...tokens(59));
  cache.makeCheckpoint(stream);
  stream.tokens.push(59, ...tokens(20, 500));
  memory.take();
  cache.rewind(stream, [...tokens(60), ...tokens(5, 500)], 64);
  assertEquals(memory.take(), [`go back ${stream.id}`, `remove ${stream.id} 59 -1`]);
  assertEquals([stream.tokens.length, stream.planned], [59, [64]]);
});

Deno.test("without a checkpoint, such a memory begins anew", () => {
  const { cache, memory } = cacheWith({ canTruncate: false });
  const stream = cache.acquire(tokens(10), true)!;
  stream.tokens.push(...tokens(30));
  cache.rewind(stream, tokens(20), 19);
  assertEquals(memory.take(), [`remove ${stream.id} 0 -1`]);
  assertEquals([stream.tokens.length, stream.planned], [0, [19]]);
});
