/**
 * Measures two models on the devices of this machine and prints the table of docs/gpu.md: memory on
 * each device as reported by libllama, and tokens per second.
 *
 *     deno task bench:devices [BACKEND ...] [OPTION ...]     # default: all backends
 *
 * Options are those of every command, such as `--threads 1`. A backend that cannot be used is in
 * the table with the reason.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GPU_BACKENDS } from "../../src/cli/options/global_options.ts";
import { answerHelp } from "../usage.ts";
import { DEFAULT_SHAPE, type ModelShape, writeModel } from "./gguf_writer.ts";
import { TINY } from "./models.ts";
import { benchVocabulary } from "./vocabulary.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const LOCK = `--lock=${fileURLToPath(new URL("../../deno.lock", import.meta.url))}`;
/** About 125 million parameters with 32,000 tokens, for devices without the speed of a GPU. */
const SHAPE: ModelShape = {
  ...DEFAULT_SHAPE,
  embedding: 768,
  layers: 12,
  heads: 12,
  feedForward: 2048,
};
const SIZES = ["--prompt-tokens", "64", "--max-tokens", "16", "--runs", "2"];

interface Placed {
  readonly device: string;
  readonly layers: number;
  readonly weight_bytes: number;
  readonly kv_bytes: number | null;
  readonly compute_bytes: number | null;
}

async function shimmy(args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", LOCK, "--allow-all", MAIN, ...args],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** One row of the table. */
async function measure(backend: string, name: string, model: string): Promise<string[]> {
  const on = [model, "--ctx", "1024", "--gpu-backend", backend, "--json", ...options];
  const bench = await shimmy(["bench", ...on, ...SIZES]);
  if (bench.code !== 0) {
    const last = bench.stderr.trim().split("\n").at(-1) ?? "";
    return [name, backend, last.replace(/^shimmy: (?:--gpu-backend \w+: )?/, "not run: "), "", ""];
  }
  const report = JSON.parse(bench.stdout);
  // For a model in the own process, only the size of the weights is known after the load.
  const isTold = report.placement.every(({ kv_bytes }: Placed) => kv_bytes !== null);
  const placement: Placed[] = isTold
    ? report.placement
    : JSON.parse((await shimmy(["plan", ...on])).stdout).devices;
  const rate = ({ mean }: { mean: number }) => mean.toFixed(1);
  return [
    name,
    backend,
    placement.map(memory).join("; "),
    rate(report.prompt_per_second),
    rate(report.predicted_per_second),
  ];
}

function memory({ device, layers, weight_bytes, kv_bytes, compute_bytes }: Placed): string {
  const mebibytes = (weight_bytes + (kv_bytes ?? 0) + (compute_bytes ?? 0)) / 2 ** 20;
  return `${device}: ${layers} layers, ${mebibytes.toFixed(1)} MiB`;
}

answerHelp(import.meta.url);
const first = Deno.args.findIndex((arg) => arg.startsWith("-"));
const named = first < 0 ? Deno.args : Deno.args.slice(0, first);
const options = first < 0 ? [] : Deno.args.slice(first);
const backends = named.length > 0 ? named : GPU_BACKENDS.filter((backend) => backend !== "auto");
const folder = await Deno.makeTempDir({ prefix: "shimmy-devices-" });
try {
  const random = join(folder, "random.gguf");
  await writeModel(random, SHAPE, benchVocabulary(32_000));
  console.log("| model | backend | memory | prefill, tokens/s | decode, tokens/s |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [name, model] of [["shimmy-tiny", TINY], ["random 125M Q4_0", random]] as const) {
    for (const backend of backends) {
      console.log(`| ${(await measure(backend, name, model)).join(" | ")} |`);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
