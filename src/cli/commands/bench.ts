import type { Engine } from "../../engine/mod.ts";
import type { Timings } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { checkGeneratesText, placementJson } from "../../models/entry/mod.ts";
import { command, EXIT, stoppable } from "../environment/mod.ts";
import { table } from "../output/mod.ts";
import { openNamed, PULL_OPTIONS } from "../sessions/mod.ts";
import { flag, integer } from "../options/mod.ts";

/** `bench`: how fast a model reads a prompt and writes an answer here. */
export default command({
  operands: ["NAME"],
  options: {
    "prompt-tokens": integer({ min: 1, fallback: 512, help: "tokens to read; the default is 512" }),
    "max-tokens": integer({ min: 2, fallback: 128, help: "tokens to write; the default is 128" }),
    "runs": integer({ min: 1, max: 1000, fallback: 3, help: "measured runs; the default is 3" }),
    "json": flag({ help: "print JSON" }),
    ...PULL_OPTIONS,
  },
  run: ({ values, globals, config, operands }, world) =>
    stoppable(world, EXIT.interrupted, async (signal) => {
      const request = { asked: operands[0], yes: values.yes, globals, config, signal };
      await using session = await openNamed(world, request);
      const entry = await session.choose();
      checkGeneratesText(entry);
      const engine = await session.pool.engine(entry, signal);
      const size = sizeFor(engine, values["prompt-tokens"], values["max-tokens"]);
      // The first run pays for what is set up once, and is not counted.
      const runs: Timings[] = [];
      for (let i = 0; i <= values.runs && !signal.aborted; i++) {
        world.output.progress(`Run ${i} of ${values.runs}`);
        const timings = await measure(engine, size, signal);
        if (i > 0) runs.push(timings);
      }
      world.output.progress(null);
      if (signal.aborted) return EXIT.interrupted;
      const report = reportOf(entry.name, engine, size, runs);
      await world.output.print(values.json ? JSON.stringify(report) : readable(report));
      return EXIT.ok;
    }),
});

/** Tokens to read and to write. */
interface Size {
  readonly prompt: number;
  readonly answer: number;
}

/** @throws {ShimmyError} `invalid`, when the context has no room for the answer. */
function sizeFor({ info }: Engine, prompt: number, answer: number): Size {
  const room = info.contextLength - answer;
  if (room < 1) {
    throw new ShimmyError(
      "invalid",
      `--max-tokens: must be less than the context of ${info.contextLength} tokens`,
    );
  }
  return { prompt: Math.min(prompt, room), answer };
}

async function measure(engine: Engine, size: Size, signal: AbortSignal): Promise<Timings> {
  const run = engine.generate({
    prompt: [{ tokens: scattered(size.prompt, engine.info.vocabularySize) }],
    maxTokens: size.answer,
    sampling: { temperature: 0 },
    stop: [],
    ignoreEos: true,
    cachePrompt: false,
  });
  signal.addEventListener("abort", () => run.control({ type: "cancel" }), { once: true });
  for await (const event of run) if (event.type === "done") return event.timings;
  throw new ShimmyError("backend", "The run ended without a result");
}

/** Token ids all over the vocabulary, the same in every run. */
function scattered(count: number, vocabularySize: number): number[] {
  // Numerical Recipes' linear congruential generator.
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % vocabularySize;
  });
}

/** For a program to read: means over the runs, with the deviation of each. */
function reportOf(model: string, { info }: Engine, size: Size, runs: readonly Timings[]) {
  const spread = (pick: (timings: Timings) => number) => {
    const values = runs.map(pick);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) };
  };
  return {
    model,
    description: info.description,
    devices: info.devices.map((device) => device.name),
    offloaded_layers: info.offloadedLayers,
    placement: placementJson(info.placement),
    threads: info.threads,
    runs: runs.length,
    prompt_tokens: size.prompt,
    completion_tokens: size.answer,
    prompt_per_second: spread((timings) => timings.promptPerSecond),
    predicted_per_second: spread((timings) => timings.predictedPerSecond),
    first_token_ms: spread((timings) => timings.firstTokenMs),
  };
}

function readable(report: ReturnType<typeof reportOf>): string {
  const cell = ({ mean, deviation }: { mean: number; deviation: number }) =>
    `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
  return [
    `${report.model}: ${report.description}; ${report.devices.join(", ")}; ` +
    `${report.threads} threads; ${report.runs} runs`,
    table([
      ["TEST", "TOKENS", "RESULT"],
      ["prefill", report.prompt_tokens, `${cell(report.prompt_per_second)} tokens/s`],
      ["decode", report.completion_tokens, `${cell(report.predicted_per_second)} tokens/s`],
      ["first token", report.prompt_tokens, `${cell(report.first_token_ms)} ms`],
    ]),
  ].join("\n");
}
