/** The chat in the terminal. */
import { join } from "node:path";
import { chatFolder } from "../config/mod.ts";
import { type Call, type Environment, EXIT } from "../environment/mod.ts";
import { SAMPLING_OPTIONS } from "../options/mod.ts";
import { type AnswerCall, openModel, readImage, readSound } from "../answering/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { Chat } from "./chat.ts";
import { type ChatSettings, completeLine } from "./commands/mod.ts";
import { Conversation, SavedConversations } from "./conversation/mod.ts";
import { Interrupts, Left, openReader } from "./editor/mod.ts";
import type { CHAT_OPTIONS } from "./options.ts";

export { CHAT_OPTIONS } from "./options.ts";

/** Answers of `/fork` that run at once in this process; those of a server are as many as its slots. */
const ANSWERS_AT_ONCE = 4;

/** A call of `chat`, or of another command that starts a chat. */
interface ChatCall extends Pick<Call<typeof CHAT_OPTIONS>, "values" | "globals" | "config"> {
  /** The requested model. `undefined`: the default model. */
  readonly asked: string | undefined;
}

/** Runs a chat until the end of the input. Resolves to the exit status. */
export async function chat(call: ChatCall, environment: Environment): Promise<number> {
  const { values, globals } = call;
  // Native logs, which come with each token, would be written into the answers.
  const isQuiet = environment.keyboard !== null && globals.verbose;
  const media = await Promise.all([
    ...values.image.map((path) => readImage(path, environment)),
    ...values.audio.map((path) => readSound(path, environment)),
  ]);
  const opening = {
    ...call,
    globals: isQuiet ? { ...globals, verbose: false } : globals,
    parallel: ANSWERS_AT_ONCE,
  };
  await using opened = await open(environment, opening);
  if (opened === null) return EXIT.interrupted;
  for (const { type, field } of media) {
    const refusal = opened.model.refusalOf(type);
    if (refusal !== null) throw new ShimmyError("invalid", `${field}: ${refusal}`);
  }
  const folder = chatFolder({ env: environment.env, os: Deno.build.os });
  const saved = new SavedConversations(folder === null ? null : join(folder, "conversations"));
  const context = { environment, host: opened.host, saved };
  await using reader = await openReader(environment, folder, (line) => completeLine(context, line));
  const settings: ChatSettings = {
    sampling: samplingValues(values),
    thinks: null,
    reasoning: "shown",
    isVerbose: globals.verbose,
    isJson: false,
    wraps: true,
  };
  const conversation = new Conversation(values.system);
  for (const one of media) conversation.attach(one);
  return await new Chat({ environment, opened, reader, conversation, saved, settings }).run();
}

/** The values of the sampling options alone. */
function samplingValues(values: ChatCall["values"]): ChatSettings["sampling"] {
  const names = Object.keys(SAMPLING_OPTIONS) as (keyof ChatSettings["sampling"])[];
  return Object.fromEntries(
    names.map((name) => [name, values[name]]),
  ) as unknown as ChatSettings["sampling"];
}

/** Opens the model; null after a second interrupt. */
async function open(environment: Environment, call: AnswerCall) {
  using interrupts = new Interrupts(environment);
  try {
    return await interrupts.during((signal) => openModel(environment, call, signal));
  } catch (error) {
    if (error instanceof Left) return null;
    throw error;
  }
}
