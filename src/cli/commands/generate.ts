import {
  answer,
  type AnswerEvent,
  type AnswerRequest,
  type Input,
  type Message,
} from "../../chat/mod.ts";
import { checkGeneratesText } from "../../models/entry/mod.ts";
import { command, type Environment, EXIT, interruptible } from "../environment/mod.ts";
import { timingsJson, usageJson } from "../output/mod.ts";
import { openNamedModel, PULL_OPTIONS } from "../sessions/mod.ts";
import {
  flag,
  SAMPLING_OPTIONS,
  samplingOf,
  text,
  UsageError,
  type Values,
} from "../options/mod.ts";

const OPTIONS = {
  "prompt": text("TEXT", { short: "p", help: "prompt; - reads it from standard input" }),
  "name": text("NAME", {
    short: "m",
    help: "model, like the argument NAME; hf:, ollama: and https: references are pulled first",
  }),
  ...PULL_OPTIONS,
  "system": text("TEXT", { help: "system message" }),
  "raw": flag({ help: "complete the prompt without the chat template" }),
  "json": flag({ help: "print one JSON object after the answer is complete" }),
  ...SAMPLING_OPTIONS,
} as const;

type GenerateValues = Values<typeof OPTIONS>;

/** `generate`: streams one answer to stdout. */
export default command({
  operands: ["[NAME]"],
  options: OPTIONS,
  run: async ({ values, globals, config, operands }, environment) => {
    const asked = nameOf(values.name, operands[0]);
    const input = await inputOf(values, environment);
    return await interruptible(environment, EXIT.interrupted, async (signal) => {
      const { yes, prompt } = values;
      const request = { asked, yes, isStdinUsed: prompt === "-", globals, config, signal };
      await using session = await openNamedModel(environment, request);
      const entry = await session.selectModel();
      checkGeneratesText(entry);
      const engine = await session.registry.engine(entry, signal);
      const run = answer(engine, requestOf(values, input));
      signal.addEventListener("abort", () => run.control({ type: "cancel" }), { once: true });
      const done = values.json
        ? await collect(run, entry.name, environment)
        : await stream(run, environment);
      return done.finishReason === "cancelled" ? EXIT.interrupted : EXIT.ok;
    });
  },
});

type Done = Extract<AnswerEvent, { type: "done" }>;

function nameOf(option: string | null, operand: string | undefined): string | undefined {
  if (option !== null && operand !== undefined && option !== operand) {
    throw new UsageError(`generate: two models are named, '${operand}' and '${option}'`);
  }
  return operand ?? option ?? undefined;
}

async function inputOf(values: GenerateValues, { input }: Environment): Promise<Input> {
  if (values.prompt === null) throw new UsageError("generate: --prompt is missing");
  if (values.raw && values.system !== null) {
    throw new UsageError("--system: has no effect with --raw");
  }
  const prompt = values.prompt === "-" ? await input.text() : values.prompt;
  if (values.raw) return { type: "text", text: prompt };
  const system: Message[] = values.system === null
    ? []
    : [{ role: "system", content: values.system }];
  return conversation([...system, { role: "user", content: prompt }]);
}

/** Messages as an input without tools. */
export function conversation(messages: readonly Message[]): Input {
  return {
    type: "chat",
    messages,
    tools: [],
    toolChoice: { type: "none" },
    parallelToolCalls: false,
    templateArguments: {},
    continueLast: false,
  };
}

/** A request for text with the sampling options. */
export function requestOf(values: Values<typeof SAMPLING_OPTIONS>, input: Input): AnswerRequest {
  return {
    input,
    maxTokens: values["max-tokens"],
    sampling: samplingOf(values),
    stop: values.stop,
    format: { type: "text" },
    ignoreEos: false,
    logprobs: null,
  };
}

async function stream(events: AsyncIterable<AnswerEvent>, { output }: Environment): Promise<Done> {
  let done: Done | null = null;
  for await (const event of events) {
    if (event.type === "text") await output.write(event.text);
    if (event.type === "done") done = event;
  }
  await output.write("\n");
  return done!;
}

async function collect(
  events: AsyncIterable<AnswerEvent>,
  model: string,
  { output }: Environment,
): Promise<Done> {
  let response = "";
  let reasoning = "";
  let done: Done | null = null;
  for await (const event of events) {
    if (event.type === "text") response += event.text;
    if (event.type === "reasoning") reasoning += event.text;
    if (event.type === "done") done = event;
  }
  await output.print(JSON.stringify({
    model,
    response,
    ...(reasoning === "" ? {} : { reasoning }),
    finish_reason: done!.finishReason,
    usage: usageJson(done!.usage),
    timings: timingsJson(done!.timings),
  }));
  return done!;
}
