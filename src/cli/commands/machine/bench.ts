import { collectEvents, type Engine } from "../../../engine/mod.ts";
import type { SequenceEvent, SequenceRequest, Timings } from "../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { checkGeneratesText, placementJson } from "../../../models/entry/mod.ts";
import { command, EXIT, interruptible } from "../../environment/mod.ts";
import { printable, table } from "../../output/mod.ts";
import { MODEL_OPTIONS, nameOf, openNamedModel, PULL_OPTIONS } from "../../sessions/mod.ts";
import { flag, integer } from "../../options/mod.ts";

/** `bench`: measures the prefill and decode speed of a model. */
export default command({
  operands: ["NAME"],
  options: {
    "prompt-tokens": integer({
      short: "p",
      min: 1,
      fallback: 512,
      help: "prompt tokens to prefill; default 512",
    }),
    "max-tokens": integer({
      short: "n",
      min: 2,
      fallback: 128,
      help: "tokens to generate; default 128",
    }),
    "runs": integer({ min: 1, max: 1000, fallback: 3, help: "measured runs; default 3" }),
    "json": flag({ help: "print JSON" }),
    ...MODEL_OPTIONS,
    ...PULL_OPTIONS,
  },
  run: ({ values, globals, config, operands }, environment) =>
    interruptible(environment, EXIT.interrupted, async (signal) => {
      const asked = nameOf("bench", values.name, operands[0]);
      const request = { asked, yes: values.yes, globals, config, signal };
      await using session = await openNamedModel(environment, request);
      const entry = await session.selectModel();
      checkGeneratesText(entry);
      const engine = await session.registry.engine(entry, signal);
      const size = sizeFor(engine, values["prompt-tokens"], values["max-tokens"]);
      // The first run includes one-time setup and is not counted.
      const runs: Timings[] = [];
      for (let i = 0; i <= values.runs && !signal.aborted; i++) {
        environment.output.progress(`Run ${i} of ${values.runs}`);
        const timings = await measure(engine, size, signal);
        if (i > 0) runs.push(timings);
      }
      environment.output.progress(null);
      if (signal.aborted) return EXIT.interrupted;
      const report = reportOf(entry.name, engine, size, runs);
      await environment.output.print(values.json ? JSON.stringify(report) : readable(report));
      return EXIT.ok;
    }),
});

/** Prompt tokens and generated tokens. */
interface Size {
  readonly prompt: number;
  readonly answer: number;
}

/** @throws {ShimmyError} `invalid`, when the answer does not fit into the context. */
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
  const request: SequenceRequest = {
    prompt: [{ tokens: pseudoRandomTokens(size.prompt, engine.info.vocabularySize) }],
    maxTokens: size.answer,
    sampling: { temperature: 0 },
    stop: [],
    ignoreEos: true,
    cachePrompt: false,
  };
  const collected: { timings?: Timings } = {};
  await collectEvents<SequenceEvent>((sink) => {
    const run = engine.generate(request, sink);
    signal.addEventListener("abort", () => run.control({ type: "cancel" }), { once: true });
  }, (event) => {
    if (event.type === "done") collected.timings = event.timings;
  });
  return collected.timings!;
}

/** Token ids from the whole vocabulary, equal in every run. */
function pseudoRandomTokens(count: number, vocabularySize: number): number[] {
  // Numerical Recipes' linear congruential generator.
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % vocabularySize;
  });
}

/** The report for `--json`: mean and standard deviation of each value. */
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
    `${printable(report.model)}: ${report.description}; ${report.devices.join(", ")}; ` +
    `${report.threads} threads; ${report.runs} ${report.runs === 1 ? "run" : "runs"}`,
    table([
      ["TEST", "TOKENS", "RESULT"],
      ["prefill", report.prompt_tokens, `${cell(report.prompt_per_second)} tokens/s`],
      ["decode", report.completion_tokens, `${cell(report.predicted_per_second)} tokens/s`],
      ["first token", report.prompt_tokens, `${cell(report.first_token_ms)} ms`],
    ]),
  ].join("\n");
}
