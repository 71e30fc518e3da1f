import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { generateTrace } from "./generate.ts";
import { DEFAULT_WORKLOAD } from "./options.ts";
import { summarize } from "./report.ts";
import { type ServedRequest, simulate } from "./simulate.ts";
import { TIMES } from "./times_double.ts";
import type { TraceRequest } from "./trace.ts";

const request = (fields: Partial<TraceRequest> = {}): TraceRequest => ({
  ...{ timestamp: 0, input_length: 100, output_length: 5, ...fields },
});

const firstTokens = (served: readonly ServedRequest[]) =>
  served.map(({ sentAt, firstTokenAt }) => Math.round((firstTokenAt - sentAt) * 1000) / 1000);

Deno.test("a request alone takes its prompt's batches, then a batch for each further token", () => {
  const [one] = simulate([request({ timestamp: 40 })], TIMES, 1, "round-robin");
  assertEquals(one, {
    ...{ sentAt: 40, firstTokenAt: 40 + 3 + 100, promptTokens: 100, cachedTokens: 0, replica: 0 },
    ...{ endedAt: 143 + 4 * 10, completionTokens: 5 },
  });
  // A prompt that is longer than a batch takes several, each of which has its own time.
  const slow = { ...TIMES, prefill: [{ tokens: 8, context: 0, ms: 50 }] };
  const [long] = simulate([request({ input_length: 600 })], slow, 1, "round-robin");
  assertEquals(long!.firstTokenAt, 3 + 3 * 50);
});

Deno.test("sequences decode together, and a request waits for a free stream", () => {
  const trace = [request(), request({ timestamp: 1 }), request({ timestamp: 2 })];
  const served = simulate(trace, TIMES, 1, "round-robin");
  const one = summarize(simulate(trace.slice(0, 1), TIMES, 1, "round-robin"));
  const two = summarize(simulate(trace.slice(0, 2), TIMES, 1, "round-robin"));
  assert(two.tokensPerSecond < 2 * one.tokensPerSecond, `${two.tokensPerSecond}`);
  // The third one begins when an answer has ended: there are two streams.
  const third = served.find(({ sentAt }) => sentAt === 2)!;
  const ended = Math.min(
    ...served.filter((other) => other !== third).map((other) => other.endedAt),
  );
  assert(third.firstTokenAt >= ended + 100, `${third.firstTokenAt} after ${ended}`);
});

Deno.test("the next turn waits for the answer, whose tokens are cached but for the last", () => {
  const trace = [
    request({ conversation: "a" }),
    request({ conversation: "a", timestamp: 10, input_length: 150 }),
  ];
  const [first, second] = simulate(trace, TIMES, 1, "round-robin");
  assertEquals(second!.sentAt, first!.endedAt);
  assertEquals(second!.cachedTokens, 100 + 5 - 1);
  assertEquals(second!.firstTokenAt, second!.sentAt + 3 + 46);
  const later = [trace[0]!, { ...trace[1]!, timestamp: 5000 }];
  assertEquals(simulate(later, TIMES, 1, "round-robin")[1]!.sentAt, 5000);
});

Deno.test("states that are saved, restored and copied take their time", () => {
  const times = { ...TIMES, parallel: 1, saveMs: 0.1, restoreMs: 0.2 };
  const trace = [
    request({ conversation: "a" }),
    request({ conversation: "b", timestamp: 5000 }),
    request({ conversation: "a", timestamp: 10_000, input_length: 150 }),
  ];
  // 104 tokens of a conversation are in the stream: its last one is not.
  assertEquals(firstTokens(simulate(trace, times, 1, "sticky")), [
    3 + 100,
    3 + 100 + 10.4,
    3 + 46 + 10.4 + 20.8,
  ]);
  const shared = [
    request({ hash_ids: [1, 2], input_length: 600, output_length: 500 }),
    request({ hash_ids: [1, 3], input_length: 600, output_length: 1, timestamp: 1000 }),
  ];
  const first = (copyMs: number) =>
    firstTokens(simulate(shared, { ...TIMES, copyMs }, 1, "sticky"))[0]!;
  assertAlmostEquals(first(40) - first(0), 40);
});

Deno.test("a gap between the streams of answers separates their batches", () => {
  const decode = [1, 2, 3].map((sequences) => ({ sequences, context: 0, ms: 9 + sequences }));
  const times = {
    ...TIMES,
    parallel: 3,
    decode: [...decode.slice(0, 2), { ...decode[2]!, ms: 30 }],
  };
  const ended = (...answers: readonly number[]) => {
    const trace = answers.map((output_length) => request({ output_length }));
    return Math.max(...simulate(trace, times, 1, "sticky").map(({ endedAt }) => endedAt));
  };
  // Of 20 tokens, 18 are decoded by two streams: in 11 ms together, in 20 ms apart.
  const gap = ended(20, 2, 20) - ended(20, 20, 2);
  assert(gap >= 17 * 9, `${gap} ms`);
});

Deno.test("replicas on one machine slow each other down only while they compute together", () => {
  const trace = [request({ output_length: 1 }), request({ output_length: 1 })];
  const own = simulate(trace, TIMES, 2, "round-robin");
  assertEquals(firstTokens(own), [103, 103]);
  const shared = { ...TIMES, slowdown: [1, 1.5] };
  assertEquals(firstTokens(simulate(trace, shared, 2, "round-robin")), [153, 153]);
  // Half of the second prompt is computed beside the first one, 75 ms for 50 tokens of each.
  const apart = [trace[0]!, { ...trace[1]!, timestamp: 50 }];
  assertEquals(firstTokens(simulate(apart, shared, 2, "round-robin")), [128, 128]);
  assertAlmostEquals(firstTokens(simulate(trace, shared, 1, "round-robin")).at(-1)!, 203);
});

Deno.test("policies place requests, and a sticky one finds more of them in the caches", () => {
  const workload = { ...DEFAULT_WORKLOAD, turns: 4, conversations: 60, pause: 20, rate: 0.2 };
  const trace = generateTrace(workload);
  const rate = (policy: Parameters<typeof simulate>[3]) =>
    summarize(simulate(trace, TIMES, 3, policy)).cacheHitRate;
  assert(rate("sticky") > rate("round-robin") + 0.1);
  const five = Array.from({ length: 5 }, (_, at) => request({ timestamp: at * 10_000 }));
  const places = (policy: Parameters<typeof simulate>[3], requests: readonly TraceRequest[]) =>
    simulate(requests, TIMES, 3, policy).map(({ replica }) => replica);
  assertEquals(places("round-robin", five), [0, 1, 2, 0, 1]);
  assertEquals(places("least-queue", five), [0, 0, 0, 0, 0]);
  const together = five.slice(0, 3).map((one) => ({ ...one, timestamp: 0 }));
  assertEquals(places("least-queue", together).sort(), [0, 1, 2]);
  const recorded = [2, 0, 1].map((replica, at) => ({ ...five[at]!, replica }));
  assertEquals(places("recorded", recorded), [2, 0, 1]);
  assertThrows(() => places("recorded", five), RangeError, "replica must be below 3, not absent");
  const far = five.map((one) => ({ ...one, replica: 3 }));
  assertThrows(
    () => places("recorded", far),
    RangeError,
    "timestamp 0: replica must be below 3, not 3",
  );
});

Deno.test("times that predict no batch are an error, not a result without the requests", () => {
  const times = { ...TIMES, decode: [{ sequences: 1, context: 0, ms: NaN }] };
  assertThrows(
    () => simulate([request(), request({ output_length: 1 })], times, 1, "sticky"),
    RangeError,
    "requests are not answered at the end",
  );
});

Deno.test("a request that no stream can hold is refused", () => {
  assertThrows(
    () => simulate([request({ input_length: 2045 })], TIMES, 1, "sticky"),
    RangeError,
    "The request at timestamp 0 has 2050 tokens with its answer; a sequence has 2048",
  );
});
