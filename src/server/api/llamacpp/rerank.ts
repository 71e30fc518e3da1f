import * as z from "zod";
import { DOCUMENTS_LIMIT, scoreDocuments } from "../../answers/mod.ts";
import { type Exchange, json, readJson, type RouteCode } from "../../http/mod.ts";
import { parseLenient } from "../../validation/mod.ts";
import { ignored, integerFrom } from "../../schemas/mod.ts";
import { flag, text } from "./completion/fields.ts";

const TEXTS_ERROR = `must be a list of 1 to ${DOCUMENTS_LIMIT} texts`;

/** The form of Text Embeddings Inference. */
const teiBody = z.strictObject({
  model: text.nullish().describe("Default: the only reranking model, or else the default model"),
  query: text,
  texts: z.array(text, { error: TEXTS_ERROR }).min(1, { error: TEXTS_ERROR })
    .max(DOCUMENTS_LIMIT, { error: TEXTS_ERROR }),
  top_n: integerFrom(1).nullish().describe("Return only the best texts"),
  return_text: flag.nullish().describe("Return the texts with their scores"),
  raw_scores: ignored(flag, "scores are those of the model"),
  truncate: ignored(z.literal(false), "texts over the context are refused"),
});

const teiAnswer = z.array(z.object({
  index: z.int().describe("Index of the text in the request"),
  score: z.number().describe("Score of the model: higher is more relevant"),
  text: z.string().optional(),
}));

async function rerank(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, teiBody, await readJson(exchange));
  const { documents } = await scoreDocuments(
    exchange,
    body.model ?? undefined,
    body.query,
    body.texts,
    "texts",
  );
  return json(
    documents.slice(0, body.top_n ?? documents.length).map(({ index, score, text }) => ({
      index,
      score,
      ...(body.return_text ? { text } : {}),
    })),
  );
}

/** Reranking for a body with `texts`. The paths have another form in another dialect. */
export const teiRerank: RouteCode = { body: teiBody, answer: teiAnswer, handle: rerank };
