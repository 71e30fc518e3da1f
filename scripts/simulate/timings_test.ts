import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { decodeMs, microBatchMs, parseTimes, prefillMs, slowdownOf, slower } from "./timings.ts";
import { TIMES } from "./times_double.ts";

Deno.test("times between measured points are on the lines between them", () => {
  const times = {
    ...TIMES,
    decode: [[1, 0, 10], [4, 0, 40], [1, 100, 20], [4, 100, 80]].map((
      [sequences, context, ms],
    ) => ({
      ...{ sequences: sequences!, context: context!, ms: ms! },
    })),
    prefill: [[16, 0, 16], [64, 0, 40], [64, 100, 80], [16, 100, 32]].map((
      [tokens, context, ms],
    ) => ({ tokens: tokens!, context: context!, ms: ms! })),
  };
  assertEquals(decodeMs(times, 4, 100), 80);
  assertAlmostEquals(decodeMs(times, 2, 0), 20);
  assertAlmostEquals(decodeMs(times, 2, 50), 30);
  assertAlmostEquals(decodeMs(times, 2, 200), 60);
  assertAlmostEquals(prefillMs(times, 40, 0), 28);
  assertAlmostEquals(prefillMs(times, 40, 50), 42);
  assertAlmostEquals(microBatchMs(times, { streams: 2, rows: 1, context: 50 }), 30);
  assertAlmostEquals(microBatchMs(times, { streams: 2, rows: 20, context: 50 }), 42);
  assertEquals(prefillMs({ ...times, prefill: [{ tokens: 8, context: 0, ms: 5 }] }, 9, 9), 5);
});

Deno.test("replicas on one machine slow each other down, and more of them share what there is", () => {
  const times = { ...TIMES, slowdown: [1, 1.2, 1.8] };
  assertEquals([1, 2, 3].map((count) => slowdownOf(times, count)), [1, 1.2, 1.8]);
  assertAlmostEquals(slowdownOf(times, 6), 3.6);
  assertEquals(slowdownOf({ ...TIMES, slowdown: [1] }, 6), 1);
});

Deno.test("on a slower machine, batches, copies and what a request costs take longer", () => {
  const times = { ...TIMES, saveMs: 1, restoreMs: 2, copyMs: 3 };
  const twice = slower(times, { prefill: 2, decode: 2 });
  assertEquals([decodeMs(twice, 2, 0), prefillMs(twice, 256, 0)], [40, 512]);
  assertEquals([twice.saveMs, twice.restoreMs, twice.copyMs, twice.overheadMs], [2, 4, 6, 6]);
  assertEquals(slower(times, { prefill: 1, decode: 1 }), times);
  // Arithmetic and memory may change apart.
  const apart = slower(times, { prefill: 3, decode: 0.5 });
  assertEquals([decodeMs(apart, 2, 0), prefillMs(apart, 256, 0), apart.saveMs], [10, 768, 0.5]);
});

Deno.test("a file without measured times is refused with the field", () => {
  assertEquals(parseTimes(JSON.stringify(TIMES)), TIMES);
  for (
    const [field, value, message] of [
      ["batch", 0, "batch must be a number above 0, not 0"],
      ["decode", [], "decode must be a list of measured times"],
      ["prefill", [{ tokens: 4 }], "prefill[0].ms must be a number above 0 and at most 1000000000"],
      ["slowdown", [0], "slowdown[0] must be a number above 0"],
      ["parallel", 1.5, "parallel must be a whole number, not 1.5"],
      ["parallel", 1e6, "parallel must be at most 4096, not 1000000"],
      [
        "decode",
        [{ context: 0, ms: 1 }],
        "decode[0].sequences must be a number above 0, not undefined",
      ],
      [
        "decode",
        [TIMES.decode[0], { sequences: 2, context: -1, ms: 1 }],
        "decode[1].context must be a number of at least 0, not -1",
      ],
      [
        "decode",
        [{ sequences: 2, context: null, ms: 1 }],
        "decode[0].context must be a number of at least 0, not null",
      ],
      [
        "prefill",
        [{ tokens: 0, context: 0, ms: 1 }],
        "prefill[0].tokens must be a number above 0, not 0",
      ],
      [
        "prefill",
        [TIMES.prefill[0], TIMES.prefill[0]],
        "prefill has two times for tokens 1 and context 0",
      ],
      ["slowdown", null, "slowdown must be a list of measured times"],
      ["microBatch", undefined, "microBatch must be a number above 0, not undefined"],
      ["copyMs", -1, "copyMs must be a number of at least 0, not -1"],
      ["overheadMs", undefined, "overheadMs must be a number of at least 0, not undefined"],
    ] as const
  ) {
    const text = JSON.stringify({ ...TIMES, [field]: value });
    assertThrows(() => parseTimes(text), SyntaxError, message);
  }
});
