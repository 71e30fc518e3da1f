import * as z from "zod";
import { ignored } from "../../../schemas/mod.ts";
import { boolean, maxTokens, text } from "../shared/fields.ts";

/** Forms of a transcript. */
export const TRANSCRIPT_FORMATS = ["json", "text", "verbose_json", "srt", "vtt"] as const;
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number];

const MUST_BE_TEMPERATURE = "must be a number from 0 to 2";

const common = {
  model: text.nullish().describe("Default: the default model. It must read audio"),
  prompt: text.nullish().describe("Context for the model, such as names, after the instruction"),
  response_format: z.enum(TRANSCRIPT_FORMATS, {
    error: `must be one of ${TRANSCRIPT_FORMATS.join(", ")}`,
  }).nullish().describe("Default json. The model tells no times: srt and vtt have one cue"),
  temperature: z.number({ error: MUST_BE_TEMPERATURE }).min(0, { error: MUST_BE_TEMPERATURE })
    .max(2, { error: MUST_BE_TEMPERATURE }).nullish().describe("Default 0"),
  max_tokens: maxTokens.describe("Maximum tokens of the transcript"),
  stream: boolean.nullish().describe("With the response format json or text"),
};

/** Fields of transcriptions without the file. */
export const transcriptionFields = z.strictObject({
  ...common,
  language: text.max(64, { error: "must have at most 64 characters" }).nullish()
    .describe("Language of the speech, which the instruction names"),
  timestamp_granularities: ignored(z.array(text), "the model tells no times"),
  include: ignored(z.array(text), "transcripts have no log probabilities"),
  chunking_strategy: ignored(z.literal("auto"), "the projector divides sounds"),
});

/** Fields of translations without the file. */
export const translationFields = z.strictObject(common);

export type TranscriptionFields = z.output<typeof transcriptionFields>;

/** The fields with the file, as the description of the route. */
export function withFile<T extends z.ZodRawShape>(fields: z.ZodObject<T>) {
  const file = z.string().meta({ format: "binary", description: "A WAV, MP3 or FLAC file" });
  return fields.extend({ file });
}

/** The response in the formats json and verbose_json. */
export const transcriptSchema = z.object({
  text: z.string(),
  task: z.enum(["transcribe", "translate"]).optional().describe("In verbose_json, as what follows"),
  language: z.string().nullable().optional().describe("Language of the request or english"),
  duration: z.number().optional().describe("Seconds"),
  segments: z.array(z.object({
    id: z.int(),
    start: z.number(),
    end: z.number(),
    text: z.string(),
  })).optional().describe("One segment: the model tells no times"),
  usage: z.object({
    type: z.literal("tokens"),
    input_tokens: z.int(),
    input_token_details: z.object({ text_tokens: z.int(), audio_tokens: z.int() }),
    output_tokens: z.int(),
    total_tokens: z.int(),
  }),
  notices: z.array(z.string()).optional()
    .describe("Deviations from the request that do not affect correctness"),
});
