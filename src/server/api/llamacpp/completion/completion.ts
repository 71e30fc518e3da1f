import * as z from "zod";
import { timingsSchema } from "../../../answers/mod.ts";
import { type Exchange, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { completionFields, prompt, PROMPTS_LIMIT } from "./fields.ts";
import { promptsOf, tokensOf } from "./prompts.ts";
import { runCompletion } from "./run.ts";

const completionBody = z.strictObject({
  // A list with token ids is one prompt.
  prompt: prompt.refine((given) => promptsOf(given).prompts.length <= PROMPTS_LIMIT, {
    error: `must be at most ${PROMPTS_LIMIT} prompts`,
  }),
  ...completionFields,
});

/** A completion; `response_fields` selects some of the fields. */
export const completionResult = z.looseObject({
  index: z.int(),
  content: z.string(),
  tokens: z.array(z.int()),
  id_slot: z.int(),
  stop: z.boolean(),
  model: z.string(),
  tokens_predicted: z.int(),
  tokens_evaluated: z.int(),
  prompt: z.string(),
  has_new_line: z.boolean(),
  truncated: z.boolean().describe("The context was too short"),
  stop_type: z.enum(["eos", "limit", "word"]),
  stopping_word: z.string(),
  tokens_cached: z.int(),
  timings: timingsSchema,
});

async function complete(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, completionBody, await readJson(exchange));
  const { prompts, isList } = promptsOf(body.prompt);
  return await runCompletion(
    exchange,
    body,
    (engine) => Promise.all(prompts.map((one) => tokensOf(engine, one))),
    isList,
  );
}

/** `POST /completion` in the form of llama-server. */
export const textCompletion: RouteCode = {
  body: completionBody,
  answer: z.union([completionResult, z.array(completionResult)]),
  handle: complete,
};
