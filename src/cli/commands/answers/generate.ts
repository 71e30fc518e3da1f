import { type AnswerEvent, type Input, joinContent, type Message } from "../../../chat/mod.ts";
import { conversation, openModel, readImage, readSound, requestOf } from "../../answering/mod.ts";
import {
  type Call,
  command,
  type Environment,
  EXIT,
  interruptible,
} from "../../environment/mod.ts";
import { timingsJson, usageJson, withoutControls } from "../../output/mod.ts";
import { MODEL_OPTIONS, nameOf, PULL_OPTIONS } from "../../sessions/mod.ts";
import {
  ATTACH_OPTIONS,
  flag,
  SAMPLING_OPTIONS,
  text,
  texts,
  UsageError,
  type Values,
} from "../../options/mod.ts";

/** The options of `generate`. */
export const GENERATE_OPTIONS = {
  "prompt": text("TEXT", {
    short: "p",
    help: "prompt, like the argument PROMPT; -, or no prompt: read standard input",
  }),
  ...MODEL_OPTIONS,
  ...PULL_OPTIONS,
  ...ATTACH_OPTIONS,
  "system": text("TEXT", { help: "system message" }),
  "image": texts("FILE", { isPath: true, help: "image before the prompt" }),
  "audio": texts("FILE", { isPath: true, help: "sound before the prompt, after images" }),
  "raw": flag({ help: "complete the prompt without the chat template" }),
  "json": flag({ help: "print one JSON object after the answer is complete" }),
  ...SAMPLING_OPTIONS,
} as const;

type GenerateValues = Values<typeof GENERATE_OPTIONS>;
type GenerateCall = Call<typeof GENERATE_OPTIONS>;

/** `generate`: streams one answer to stdout. */
export default command({
  operands: ["[NAME]", "[PROMPT]"],
  options: GENERATE_OPTIONS,
  run: (call, environment) => generate("generate", call, environment),
});

/** Runs `generate`, or another command with the same options. */
export async function generate(
  name: string,
  { values, globals, config, operands }: GenerateCall,
  environment: Environment,
): Promise<number> {
  const { asked, prompt } = argumentsOf(name, values, operands);
  if (values.raw && values.system !== null) {
    throw new UsageError("--system: has no effect with --raw");
  }
  for (const option of ["image", "audio"] as const) {
    if (values.raw && values[option].length > 0) {
      throw new UsageError(`--${option}: needs the chat template, which --raw leaves out`);
    }
  }
  const isStdinUsed = prompt === null;
  const text = prompt ?? await promptFromStdin(name, values, environment);
  const input = await inputOf(values, text, environment);
  return await interruptible(environment, EXIT.interrupted, async (signal) => {
    const opening = { asked, isStdinUsed, values, globals, config };
    await using opened = await openModel(environment, opening, signal);
    const { model } = opened;
    const run = model.answer(requestOf(values, model, input), signal);
    const done = values.json
      ? await collect(run, model.name, environment)
      : await stream(run, environment);
    return done.finishReason === "cancelled" ? EXIT.interrupted : EXIT.ok;
  });
}

type Done = Extract<AnswerEvent, { type: "done" }>;

/**
 * The model and the prompt of the command line. With `--name`, the only operand is the prompt.
 * `prompt` is `null` when it is on stdin.
 */
export function argumentsOf(
  name: string,
  values: Pick<GenerateValues, "name" | "prompt">,
  operands: readonly string[],
): { readonly asked: string | undefined; readonly prompt: string | null } {
  const isPromptOnly = operands.length === 1 && values.name !== null && values.prompt === null;
  const [model, operand] = isPromptOnly ? [undefined, operands[0]] : operands;
  const asked = nameOf(name, values.name, model);
  if (operand !== undefined && values.prompt !== null) {
    throw new UsageError(`${name}: the prompt is given twice, as an argument and with --prompt`);
  }
  const prompt = operand ?? values.prompt;
  if (prompt === null || prompt === "-") return { asked, prompt: null };
  if (prompt.trim() === "") throw emptyPrompt(name);
  return { asked, prompt };
}

async function promptFromStdin(
  name: string,
  { prompt: option }: GenerateValues,
  { input }: Environment,
): Promise<string> {
  if (option === null && input.isTerminal) {
    throw new UsageError(
      `${name}: PROMPT is missing; give it after NAME, or with -p for the default model`,
    );
  }
  const prompt = await input.text();
  if (prompt.trim() === "") throw emptyPrompt(name);
  return prompt;
}

function emptyPrompt(name: string): UsageError {
  return new UsageError(
    `${name}: the prompt is empty; give it after NAME, with --prompt or on standard input`,
  );
}

async function inputOf(
  values: GenerateValues,
  prompt: string,
  environment: Environment,
): Promise<Input> {
  if (values.raw) return { type: "text", text: prompt };
  const system: Message[] = values.system === null
    ? []
    : [{ role: "system", content: values.system }];
  const media = await Promise.all([
    ...values.image.map((path) => readImage(path, environment)),
    ...values.audio.map((path) => readSound(path, environment)),
  ]);
  return conversation([...system, { role: "user", ...joinContent([...media, prompt], "") }]);
}

async function stream(events: AsyncIterable<AnswerEvent>, { output }: Environment): Promise<Done> {
  let done: Done | null = null;
  for await (const event of events) {
    if (event.type === "text") {
      // A pipe gets the text as it is.
      await output.write(output.isTerminal ? withoutControls(event.text) : event.text);
    }
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
