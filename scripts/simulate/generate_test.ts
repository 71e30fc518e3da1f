import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { generateTrace } from "./generate.ts";
import { DEFAULT_WORKLOAD } from "./options.ts";
import { formatTrace, parseTrace } from "./trace.ts";

Deno.test("a generated trace is a trace, always the same for a seed", () => {
  const trace = generateTrace(DEFAULT_WORKLOAD);
  assertEquals(parseTrace(formatTrace(trace)), trace);
  assertEquals(generateTrace(DEFAULT_WORKLOAD), trace);
  assertNotEquals(generateTrace({ ...DEFAULT_WORKLOAD, seed: 2 }), trace);
});

Deno.test("arrivals, turns and lengths have the distributions that were asked for", () => {
  const conversations = 4000;
  const workload = { ...DEFAULT_WORKLOAD, conversations, rate: 5, limit: 1e9 };
  const trace = generateTrace(workload);
  const first = [...Map.groupBy(trace, ({ conversation }) => conversation).values()]
    .map((turns) => turns[0]!);
  const near = (value: number, wanted: number, part: number) =>
    assert(Math.abs(value - wanted) < part * wanted, `${value} is not about ${wanted}`);
  near(Math.max(...first.map(({ timestamp }) => timestamp)), conversations / 5 * 1000, 0.1);
  near(trace.length / conversations, workload.turns, 0.1);
  const middle = (values: readonly number[]) =>
    values.toSorted((a, b) => a - b)[values.length >> 1]!;
  near(middle(first.map(({ input_length }) => input_length)), workload.input, 0.1);
  near(middle(trace.map(({ output_length }) => output_length)), workload.output, 0.1);
});

Deno.test("a conversation ends before its limit, and without spread all lengths are equal", () => {
  const trace = generateTrace({ ...DEFAULT_WORKLOAD, turns: 50, spread: 0, limit: 1000 });
  const longest = Math.max(...trace.map((one) => one.input_length + one.output_length));
  assertEquals(longest, 900);
  assertEquals(new Set(trace.map(({ output_length }) => output_length)), new Set([60]));
});
