/**
 * Measures the times of batches that `deno task simulate` needs, with three servers on this machine. Each has
 * one thread, and they share the cores.
 *
 *     deno task measure:batches [--model FILE] --json FILE
 *
 * Without a model, the built-in one. The figures are meaningful on an idle machine only.
 */
import { table } from "../../../scripts/docs/markdown.ts";
import type { BatchTimes } from "../../../scripts/simulate/timings.ts";
import { Cluster } from "../cluster.ts";
import { measureBatches } from "./batches.ts";
import { vocabularyOf } from "./client.ts";
import { runMeasurement, writeJson } from "./options.ts";
import { type ReplicaSetup, setUp } from "./setup.ts";

/** Measures three replicas that nobody else uses. */
export async function measureReplicas({ args, facts }: ReplicaSetup): Promise<BatchTimes> {
  await using cluster = await Cluster.start({ args });
  const urls = cluster.names.map((name) => cluster.urlOf(name));
  return await measureBatches({ urls, facts, vocabulary: await vocabularyOf(urls[0]!) });
}

/** The measured times as tables. */
export function timesTables(times: BatchTimes): string {
  const { decode, prefill, saveMs, restoreMs, copyMs, overheadMs, slowdown } = times;
  const decoded = table(
    ["sequences", "tokens before", "decode batch"],
    decode.map((
      { sequences, context, ms },
    ) => [`${sequences}`, `${context}`, `${ms.toFixed(1)} ms`]),
  );
  const prefilled = table(
    ["tokens", "tokens before", "prefill batch"],
    prefill.map(({ tokens, context, ms }) => [`${tokens}`, `${context}`, `${ms.toFixed(1)} ms`]),
  );
  const factors = slowdown.map((factor, at) => `${at + 1}: ${factor.toFixed(2)}`).join(", ");
  return `${decoded}\n\n${prefilled}\n\n` +
    `To save 1,000 tokens: ${(saveMs * 1000).toFixed(1)} ms, to restore them: ` +
    `${(restoreMs * 1000).toFixed(1)} ms, to copy a stream: ${copyMs.toFixed(1)} ms. ` +
    `Outside of batches and copies: ${overheadMs.toFixed(1)} ms a request. ` +
    `Times as long a batch takes while replicas compute: ${factors}.`;
}

if (import.meta.main) {
  await runMeasurement(import.meta.url, 1, async (options) => {
    const times = await measureReplicas(await setUp(options.model ?? undefined));
    console.log(`${times.model}, ${times.machine}\n\n${timesTables(times)}`);
    await writeJson(options, times);
    return 0;
  });
}
