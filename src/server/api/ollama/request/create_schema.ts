import * as z from "zod";
import { fixed, unsupported } from "../../../schemas/mod.ts";
import { optionsSchema } from "./options.ts";
import { modelName } from "./schema.ts";

const text = z.string({ error: "must be text" });
const flag = z.boolean({ error: "must be true or false" });
const DIGESTS = "must map file names to digests of blobs";
const digests = z.record(z.string(), text, { error: DIGESTS });

const QUANTIZE = "pull a model with the wanted quantization";
const DRAFT = "set a draft model when the server starts";

/** The body of `POST /api/create`. */
export const createBody = z.strictObject({
  model: text.nullish().describe("Name of the new model"),
  name: text.nullish().describe("The older name of model"),
  stream: flag.nullish().describe("Default true"),
  from: text.nullish().describe("Name of the model that the new one is based on"),
  files: digests.nullish()
    .describe("GGUF files of the model when from is absent: blobs that were uploaded"),
  adapters: digests.nullish().describe("LoRA adapters in GGUF format: blobs that were uploaded"),
  system: text.nullish().describe("System message for conversations without one"),
  parameters: optionsSchema.nullish().describe("Default options"),
  license: z.union([text, z.array(text)], { error: "must be text or a list of texts" }).nullish(),
  template: text.nullish().describe(
    "Applies if it has only .System, .Prompt, .Response, if, else and end; another one is shown",
  ),
  messages: z.array(z.looseObject({ role: text, content: text.nullish() }), {
    error: "must be a list of messages",
  }).nullish().describe("Precede the messages of a request"),
  quantize: unsupported(QUANTIZE),
  quantization: unsupported(QUANTIZE),
  draft_files: unsupported(DRAFT),
  draft_quantize: unsupported(DRAFT),
  remote_host: unsupported("models run on this server"),
});

/** The body of `POST /api/copy`. */
export const copyBody = z.strictObject({
  source: modelName.describe("Name of a model"),
  destination: modelName.describe("Another name for it"),
});

/** The body of `POST /api/push`. */
export const pushBody = z.strictObject({
  model: text.nullish(),
  name: text.nullish().describe("The older name of model"),
  stream: flag.nullish(),
  insecure: fixed(false, "uploads are not supported"),
});
