import { assertEquals } from "@std/assert";
import type { ModelFigures, Status } from "../../events/mod.ts";
import { cachedShare, linePoints, usedMemory } from "./figures.ts";

function withTokens(prompt_tokens: number, cached_tokens: number): ModelFigures {
  return {
    ...{ name: "a", state: "loaded", progress: 1, error: null },
    ...{ prompt_per_second: 0, completion_per_second: 0 },
    statistics: {
      ...{ prompt_tokens, cached_tokens, completion_tokens: 0 },
      ...{ acceptance_rate: null, evictions: 0, preemptions: 0 },
    },
  };
}

Deno.test("the cached share counts the tokens of all models", () => {
  assertEquals(cachedShare([withTokens(30, 0), withTokens(10, 10)]), 0.25);
  assertEquals(cachedShare([]), null);
});

Deno.test("memory that the server may not ask for is unknown", () => {
  const status = (available_bytes: number | null, total_bytes: number | null) =>
    ({ memory: { process_bytes: 1, available_bytes, total_bytes } }) as Status;
  assertEquals(usedMemory(status(30, 100)), { used: 70, total: 100 });
  assertEquals(usedMemory(status(null, null)), null);
});

Deno.test("a line ends at the right and reaches the top at its largest value", () => {
  const box = { width: 100, height: 20, most: 5 };
  assertEquals(linePoints([0, 5, 10], box), "50,20 75,10 100,0");
  assertEquals(linePoints([], box), "");
});
