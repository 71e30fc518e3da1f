import * as z from "zod";
import { type Exchange, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { completionResult } from "../completion/completion.ts";
import { completionFields, mixedPrompt, text } from "../completion/fields.ts";
import { partsOf } from "../completion/prompts.ts";
import { runCompletion } from "../completion/run.ts";
import { infillTokens } from "./prompt.ts";

const FILES_ERROR = "must be a list of {filename, text}";

/** Name of a file without one, as in llama-server. */
const NO_NAME = "tmp";

const infillBody = z.strictObject({
  input_prefix: mixedPrompt.describe("Code before the gap"),
  input_suffix: mixedPrompt.describe("Code after the gap"),
  prompt: text.nullish().describe("Text between input_prefix and the gap"),
  input_extra: z.array(
    z.strictObject({
      text: z.string({ error: FILES_ERROR }),
      filename: z.string({ error: FILES_ERROR }).nullish(),
      time: z.unknown().optional().describe("Accepted; the order of the list applies"),
    }, { error: FILES_ERROR }),
    { error: FILES_ERROR },
  ).nullish().describe("Other files or parts of files of the repository"),
  ...completionFields,
});

async function infill(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, infillBody, await readJson(exchange));
  const limit = body.n_predict ?? body.max_completion_tokens ?? body.max_tokens ?? -1;
  return await runCompletion(
    exchange,
    body,
    async (engine) => [
      await infillTokens(engine, {
        prefix: partsOf(body.input_prefix, false),
        suffix: partsOf(body.input_suffix, false),
        prompt: body.prompt ?? "",
        files: (body.input_extra ?? []).map((file) => ({
          name: file.filename ?? NO_NAME,
          text: file.text,
        })),
        maxTokens: limit < 0 ? null : limit,
      }),
    ],
    false,
  );
}

/** `POST /infill`, which llama.vim and llama.vscode use. */
export const infillCode: RouteCode = {
  body: infillBody,
  answer: completionResult,
  handle: infill,
};
