/** The measurements for the simulator, with the built-in model. */
import { assert, assertEquals } from "@std/assert";
import { summarize } from "../../scripts/simulate/report.ts";
import { simulate } from "../../scripts/simulate/simulate.ts";
import { parseTimes } from "../../scripts/simulate/timings.ts";
import { has, testWith } from "../packaging/tools.ts";
import { Cluster } from "./cluster.ts";
import { measureBatches, medianTimes } from "./measure/batches.ts";
import { vocabularyOf } from "./measure/client.ts";
import { replay } from "./measure/replay.ts";
import { measureSessions } from "./measure/sessions.ts";
import { setUp } from "./measure/setup.ts";
import { replicas } from "./shared_servers.ts";

const haproxy = { name: "haproxy", here: await has("haproxy", "-v") };

Deno.test("of several measurements, the median of each time counts", () => {
  const pass = (ms: number, slowdown: number) => ({
    decode: [{ sequences: 1, context: 64, ms }],
    prefill: [{ tokens: 8, context: 0, ms: 2 * ms }],
    ...{ saveMs: ms, restoreMs: ms, copyMs: ms, overheadMs: ms, slowdown: [1, slowdown] },
  });
  assertEquals(medianTimes([pass(9, 1.5), pass(5, 1.2), pass(6, 1.9)]), pass(6, 1.5));
});

testWith(
  "batches are measured, and a replay caches what the simulator predicts",
  haproxy,
  async () => {
    const { args, facts } = await setUp(undefined);
    await using cluster = await Cluster.start({ replicas: 2, args });
    const urls = cluster.names.map((name) => cluster.urlOf(name));
    const vocabulary = await vocabularyOf(urls[0]!);
    assert(vocabulary.length > 50, `${vocabulary.length} tokens`);
    const times = await measureBatches({ urls, vocabulary, facts });
    assertEquals(parseTimes(JSON.stringify(times)), times);
    assertEquals(times.slowdown.length, 2);
    const at = (tokens: number) =>
      times.prefill.find((one) => one.tokens === tokens && one.context === 0)!.ms;
    const most = facts.microBatch;
    assert(at(most) > at(8), `${at(most)} ms and ${at(8)} ms`);

    // Far apart, so that nothing depends on the speed of this machine.
    const trace = [["a", 60, 8], ["b", 50, 12], ["a", 100, 4], ["b", 300, 6], ["a", 130, 3]].map(
      ([conversation, input, output], index) => ({
        timestamp: index,
        input_length: input as number,
        output_length: output as number,
        conversation: conversation as string,
      }),
    );
    const { served, recorded } = await replay(trace, {
      ...{ url: cluster.url, vocabulary, replicas: cluster.names },
    });
    const counts = (runs: typeof served) =>
      runs.map(({ promptTokens, cachedTokens, completionTokens }) => [
        ...[promptTokens, cachedTokens, completionTokens],
      ]).sort((one, other) => one[0]! - other[0]!);
    assertEquals(counts(served), counts(simulate(recorded, times, 2, "recorded")));
    assertEquals(summarize(served).requests, 5);
    // A conversation stays with its replica.
    for (const name of ["a", "b"]) {
      const places = recorded.filter(({ conversation }) => conversation === name)
        .map(({ replica }) => replica);
      assertEquals(new Set(places).size, 1);
    }
  },
);

Deno.test("the first token with the session of another replica is measured", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using stack = new AsyncDisposableStack();
    const { args } = await setUp(undefined);
    const start = replicas(stack, { SHIMMY_SHARED_CACHE: folder });
    const [times] = await measureSessions(await start({}, args), await start({}, args), [100], 1);
    assertEquals(times!.tokens, 100);
    assert(times!.stateBytes > 100_000, `${times!.stateBytes} bytes`);
    assert(times!.sharedMs > 0 && times!.computedMs > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
