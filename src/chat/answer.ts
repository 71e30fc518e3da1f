import type { Engine, Sink } from "../engine/mod.ts";
import { ShimmyError } from "../errors.ts";
import type { AnswerEvent, AnswerRequest, Input } from "./conversation/mod.ts";
import { inlinePreparer, type Preparer, withMedia } from "./preparation/mod.ts";
import { textOfParts } from "./prompt/mod.ts";
import { type Answer, RunningAnswer } from "./running_answer.ts";

/** Stand for images and sounds in the text of a prompt. */
const MEDIA_TEXTS = { image: "[image]", audio: "[audio]" } as const;

/**
 * Runs a request on an engine: renders the prompt, constrains the sampling to the requested format,
 * and parses the output into text, reasoning and tool calls.
 *
 * @param sink receives the events; the last one is `done`. Its `end` gets errors as `ShimmyError`. It
 * is called only after the return.
 * @param preparer Renders the prompt and compiles the grammar; by default this thread.
 */
export function answer(
  engine: Engine,
  request: AnswerRequest,
  sink: Sink<AnswerEvent>,
  preparer: Preparer = inlinePreparer,
): Answer {
  const running = new RunningAnswer(sink);
  const whole = { ...request, input: withDefaultMessages(engine, request.input) };
  running.start(engine, whole, withMedia(preparer, running.cancelled))
    .catch((error) => running.notStarted(error));
  return running;
}

/**
 * Number of tokens of an input's prompt, exactly as a request counts them.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function countTokens(
  engine: Engine,
  input: Input,
  preparer: Preparer = inlinePreparer,
): Promise<number> {
  const rendering = withMedia(preparer);
  const prompt = await rendering.prompt(engine.info, withDefaultMessages(engine, input));
  return await engine.countTokens(prompt, true);
}

/**
 * The tokens of an input's prompt, as a request evaluates them.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function promptTokens(
  engine: Engine,
  input: Input,
  preparer: Preparer = inlinePreparer,
): Promise<readonly number[]> {
  const rendering = withMedia(preparer);
  const prompt = await rendering.prompt(engine.info, withDefaultMessages(engine, input));
  return await engine.tokenize(prompt, true);
}

/**
 * The text of an input's prompt, including control tokens.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation.
 */
export async function promptText(
  engine: Engine,
  input: Input,
  preparer: Preparer = inlinePreparer,
): Promise<string> {
  const rendering = withMedia(preparer);
  const parts = await rendering.prompt(engine.info, withDefaultMessages(engine, input));
  const texts = parts.map((part) => {
    if ("tokens" in part) return engine.detokenize(part.tokens);
    return "text" in part ? part.text : MEDIA_TEXTS[part.media.type];
  });
  return (await Promise.all(texts)).join("");
}

/**
 * The text of a conversation's prompt without the model's default messages.
 *
 * @throws {ShimmyError} `invalid` if the model's template refuses the conversation, or it has images or sounds.
 */
export async function conversationText(
  { info }: Engine,
  input: Input,
  preparer: Preparer = inlinePreparer,
): Promise<string> {
  const parts = await withMedia(preparer).prompt(info, input);
  const media = parts.find((part) => "media" in part)?.media;
  if (media === undefined) return textOfParts(parts);
  const { field, type } = media;
  const what = type === "image" ? "an image" : "a sound";
  throw new ShimmyError("invalid", `${field}: ${what} has no text`, { field });
}

/**
 * An input with the model's default system message, if it is a conversation without one, and with the
 * model's messages before those of the conversation.
 */
function withDefaultMessages({ defaultSystem, defaultMessages = [] }: Engine, input: Input): Input {
  if (input.type !== "chat" || (defaultSystem === undefined && defaultMessages.length === 0)) {
    return input;
  }
  const isSystem = ({ role }: { readonly role: string }) =>
    role === "system" || role === "developer";
  const own = input.messages.some(isSystem) || defaultMessages.some(isSystem);
  // Most templates accept a system message only at the beginning.
  const first = input.messages.findIndex((message) => !isSystem(message));
  const start = first < 0 ? input.messages.length : first;
  return {
    ...input,
    messages: [
      ...(defaultSystem === undefined || own
        ? []
        : [{ role: "system" as const, content: defaultSystem }]),
      ...input.messages.slice(0, start),
      // With a prefix, the conversation does not begin here.
      ...(input.prefix === undefined ? defaultMessages : []),
      ...input.messages.slice(start),
    ],
  };
}
