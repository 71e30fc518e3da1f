import { assertEquals, assertRejects } from "@std/assert";
import { mergeStreams } from "./merge_streams.ts";

/** A source that yields the given values and notes when it begins and ends. */
function source(name: string, values: readonly string[], log: string[], error?: Error) {
  return async function* () {
    log.push(`${name} begins`);
    try {
      for (const value of values) {
        await Promise.resolve();
        yield value;
      }
      if (error) throw error;
    } finally {
      log.push(`${name} ends`);
    }
  };
}

Deno.test("sources that run together take turns", async () => {
  const log: string[] = [];
  const seen: string[] = [];
  const starts = [source("a", ["1", "2"], log), source("b", ["3", "4"], log)];
  for await (const { index, value } of mergeStreams(starts, 2)) seen.push(`${index}:${value}`);
  assertEquals(seen, ["0:1", "1:3", "0:2", "1:4"]);
});

Deno.test("at most as many sources run at once as the limit allows", async () => {
  const log: string[] = [];
  const starts = ["a", "b", "c"].map((name) => source(name, ["x"], log));
  for await (const _ of mergeStreams(starts, 1));
  assertEquals(log, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

Deno.test("a failure of one source ends the others", async () => {
  const log: string[] = [];
  const starts = [
    source("a", ["1", "2", "3", "4", "5"], log),
    source("b", ["1"], log, new Error("broken")),
  ];
  await assertRejects(
    async () => {
      for await (const _ of mergeStreams(starts, 2));
    },
    Error,
    "broken",
  );
  assertEquals(log, ["a begins", "b begins", "b ends", "a ends"]);
});

Deno.test("a caller that leaves ends every source", async () => {
  const log: string[] = [];
  const starts = [source("a", ["1", "2"], log), source("b", ["1", "2"], log)];
  for await (const _ of mergeStreams(starts, 2)) break;
  assertEquals(log.toSorted(), ["a begins", "a ends", "b begins", "b ends"]);
});
