import * as z from "zod";
import {
  fixed,
  ignored,
  integerBetween,
  integerFrom,
  keepAlive,
  unsupported,
} from "../../../schemas/mod.ts";
import { optionsSchema, topLevelOptions } from "./options.ts";
import { think } from "./think.ts";

const text = z.string({ error: "must be text" });
const boolean = z.boolean({ error: "must be true or false" });
const jsonObject = z.record(z.string(), z.unknown(), { error: "must be an object" });

/** The name of a model. */
export const modelName = text.min(1, { error: "must not be empty" });

const images = z.array(text, { error: "must be a list of images in base64" }).nullish()
  .describe("PNG, JPEG, WebP, GIF or BMP images before the text, in base64 or as URLs");

/** Fields of `POST /api/chat` and `POST /api/generate`. */
const answerFields = {
  model: modelName,
  stream: boolean.nullish().describe("Default true"),
  format: z.union([z.literal(["json", ""]), jsonObject], {
    error: 'must be "json" or a JSON Schema',
  }).nullish(),
  keep_alive: keepAlive,
  options: optionsSchema.nullish(),
  ...topLevelOptions,
  think,
  logprobs: boolean.nullish(),
  top_logprobs: integerBetween(0, 20).nullish(),
  truncate: ignored(boolean, "a prompt over the context is rejected, never truncated"),
  shift: ignored(
    boolean,
    "generation ends when the context is full unless the server shifts it",
  ),
  _debug_render_only: boolean.nullish().describe("Return the prompt instead of an answer"),
};

const toolCall = z.strictObject({
  id: text.nullish(),
  type: z.literal("function", { error: "must be function" }).nullish(),
  function: z.strictObject({
    index: z.int().nullish().describe("Accepted; the order of the list applies"),
    name: text,
    description: text.nullish().describe("Accepted; the description of the tool applies"),
    arguments: jsonObject.nullish(),
  }),
});

const message = z.strictObject({
  role: z.literal(["system", "user", "assistant", "tool"], {
    error: "must be system, user, assistant or tool",
  }),
  content: text.nullish(),
  thinking: text.nullish(),
  images,
  tool_calls: z.array(toolCall, { error: "must be a list of calls" }).nullish(),
  tool_name: text.nullish(),
  tool_call_id: text.nullish(),
});

const tool = z.strictObject({
  type: z.literal("function", { error: "must be function: other tools are not supported" })
    .nullish(),
  function: z.strictObject({
    type: text.nullish().describe("Accepted; every tool is a function"),
    name: text.min(1, { error: "must not be empty" }),
    description: text.nullish(),
    parameters: jsonObject.nullish(),
    strict: boolean.nullish()
      .describe("Refuse a schema that a grammar cannot express in full"),
  }),
});

const toolChoice = z.union([
  z.enum(["auto", "none", "required"]),
  z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: text }) }),
], { error: "must be auto, none, required or a function with its name" }).nullish()
  .describe("Default auto");

/** The body of `POST /api/chat`. */
export const chatBody = z.strictObject({
  ...answerFields,
  messages: z.array(message, { error: "must be a list of messages" }).nullish()
    .describe("Without messages, the model is loaded, or unloaded with keep_alive 0"),
  tools: z.array(tool, { error: "must be a list of tools" }).nullish(),
  tool_choice: toolChoice,
});

const NO_IMAGES = "models generate only text";

/** The body of `POST /api/generate` in Ollama's form. */
export const generateBody = z.strictObject({
  ...answerFields,
  prompt: text.nullish()
    .describe("Without a prompt, the model is loaded, or unloaded with keep_alive 0"),
  messages: z.array(message, { error: "must be a list of messages" }).nullish()
    .describe("Conversation in place of prompt, as in the native API"),
  suffix: text.nullish().describe(
    "Text after the answer; requires fill-in-the-middle tokens in the vocabulary",
  ),
  system: text.nullish(),
  raw: boolean.nullish().describe("Send the prompt to the model without the chat template"),
  template: text.nullish().describe(
    "Prompt template in place of the chat template: .System, .Prompt, .Response, if, else and end",
  ),
  context: z.array(integerFrom(0), { error: "must be a list of token ids" }).nullish()
    .describe("The context of an earlier response: tokens before the prompt"),
  images,
  width: unsupported(NO_IMAGES),
  height: unsupported(NO_IMAGES),
  steps: unsupported(NO_IMAGES),
});

const embedFields = {
  model: modelName,
  keep_alive: keepAlive,
  options: optionsSchema.nullish()
    .describe(
      "Options that are fixed when the model is loaded are checked; sampling options have no effect",
    ),
};

/** Maximum number of texts in a request. */
const INPUTS_LIMIT = 2048;

/** The body of `POST /api/embed`. */
export const embedBody = z.strictObject({
  ...embedFields,
  input: z.union([text, z.array(text).max(INPUTS_LIMIT)], {
    error: `must be text or a list of at most ${INPUTS_LIMIT} texts`,
  }).nullish().describe("Without an input, or with an empty text, the model is only loaded"),
  truncate: boolean.nullish()
    .describe("Truncate inputs over the context at the end; false rejects them. Default true"),
  dimensions: integerFrom(1).nullish().describe(
    "Keep only the first dimensions, scaled to unit length",
  ),
});

/** The body of `POST /api/embeddings`, which `POST /api/embed` superseded. */
export const embeddingsBody = z.strictObject({
  ...embedFields,
  prompt: text.nullish().describe("Without a prompt, the model is only loaded"),
});

const NO_CHANGE = "it does not change the response";
const EMPTY_OR_OWN = `is not supported: ${NO_CHANGE}`;

/** The body of `POST /api/show`. */
export const showBody = z.strictObject({
  model: text.nullish(),
  name: text.nullish().describe("The older name of model"),
  verbose: fixed(false, "tensors and vocabulary are not returned"),
  system: ignored(z.literal("", { error: EMPTY_OR_OWN }), NO_CHANGE),
  template: ignored(z.literal("", { error: EMPTY_OR_OWN }), NO_CHANGE),
  options: ignored(z.strictObject({}, { error: EMPTY_OR_OWN }), NO_CHANGE),
});

const aboutModel = {
  model: text.nullish(),
  name: text.nullish().describe("The older name of model"),
};

/** The body of `POST /api/pull`. */
export const pullBody = z.strictObject({
  ...aboutModel,
  stream: boolean.nullish().describe("Default true"),
  insecure: fixed(false, "downloads are always encrypted"),
});

/** The body of `DELETE /api/delete`. */
export const deleteBody = z.strictObject(aboutModel);

export type ChatBody = z.output<typeof chatBody>;
export type GenerateBody = z.output<typeof generateBody>;
export type EmbedBody = z.output<typeof embedBody>;
export type AnswerBody = Pick<ChatBody & GenerateBody, keyof typeof answerFields>;
