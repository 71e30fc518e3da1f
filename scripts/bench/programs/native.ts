/** The benchmark programs of llama.cpp. */

const ATTEMPTS = 3;

/** Result of `llama-batched-bench` for one batch. Rates in tokens per second. */
export interface BatchedResult {
  /** Sequences. */
  readonly pl: number;
  /** Generated tokens per sequence. */
  readonly tg: number;
  /** Total seconds. */
  readonly t: number;
  readonly speed_tg: number;
  readonly speed_pp: number;
}

/**
 * Tokens per second measured by `llama-bench`.
 *
 * @param prompt prompt tokens, or 0 to measure only generation.
 */
export async function llamaBench(
  program: string,
  options: {
    readonly model: string;
    readonly prompt: number;
    readonly generate: number;
    readonly threads: number;
  },
): Promise<number> {
  const text = await output(program, [
    ...["-m", options.model, "-ngl", "0", "-o", "json", "-fa", "auto"],
    ...["-p", `${options.prompt}`, "-n", `${options.generate}`, "-r", "1"],
    ...(options.threads > 0 ? ["-t", `${options.threads}`] : []),
  ]);
  const [result] = JSON.parse(text) as { avg_ts: number }[];
  if (result === undefined) throw new Error("llama-bench measured nothing");
  return result.avg_ts;
}

/** Runs `llama-batched-bench`. */
export async function batchedBench(
  program: string,
  options: {
    readonly model: string;
    readonly prompt: number;
    readonly generate: number;
    readonly sequences: number;
    readonly unified: boolean;
    readonly threads: number;
  },
): Promise<BatchedResult> {
  const { prompt, generate, sequences } = options;
  const cells = sequences * (prompt + generate + 8);
  const args = [
    ...["-m", options.model, "-ngl", "0", "--output-format", "jsonl"],
    ...["-npp", `${prompt}`, "-ntg", `${generate}`, "-npl", `${sequences}`],
    ...["-c", `${cells}`, "-b", "2048", "-ub", "512"],
    options.unified ? "--kv-unified" : "--no-kv-unified",
    ...(options.threads > 0 ? ["-t", `${options.threads}`] : []),
  ];
  // Its log is written by a separate thread and sometimes lacks the last line.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const text = await output(program, args);
    const line = text.split("\n").find((line) => line.startsWith("{"));
    if (line !== undefined) return JSON.parse(line) as BatchedResult;
  }
  throw new Error(`llama-batched-bench printed no result in ${ATTEMPTS} attempts`);
}

async function output(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${program} failed: ${decode(stderr).slice(-500)}`);
  return decode(stdout);
}
