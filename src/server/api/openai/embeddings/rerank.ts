import * as z from "zod";
import { type Exchange, json, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { DOCUMENTS_LIMIT, scoreDocuments } from "../../../answers/mod.ts";
import { promptUsage } from "./embeddings.ts";
import { boolean, text } from "../shared/fields.ts";

const DOCUMENTS_ERROR = `must be a list of 1 to ${DOCUMENTS_LIMIT} texts`;
const TOP_ERROR = "must be a whole number, 1 or more";

const rerankBody = z.strictObject({
  model: text.nullish().describe("Default: the only reranking model, or else the default model"),
  query: text.min(1, { error: "must not be empty" }),
  documents: z.array(z.union([z.string(), z.strictObject({ text })]), { error: DOCUMENTS_ERROR })
    .min(1, { error: DOCUMENTS_ERROR }).max(DOCUMENTS_LIMIT, { error: DOCUMENTS_ERROR }),
  top_n: z.int({ error: TOP_ERROR }).min(1, { error: TOP_ERROR }).nullish()
    .describe("Return only the best documents"),
  return_documents: boolean.nullish().describe("Return the documents with their scores"),
});

const rerankAnswer = z.object({
  object: z.literal("list"),
  model: z.string(),
  results: z.array(z.object({
    index: z.int().describe("Index of the document in the request"),
    relevance_score: z.number().describe("Score of the model: higher is more relevant"),
    document: z.object({ text: z.string() }).optional(),
  })),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});

async function rerank(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, rerankBody, await readJson(exchange));
  const texts = body.documents.map((one) => typeof one === "string" ? one : one.text);
  const { model, documents, promptTokens } = await scoreDocuments(
    exchange,
    body.model ?? undefined,
    body.query,
    texts,
    "documents",
  );
  const results = documents.map(({ index, score, text }) => ({
    index,
    relevance_score: score,
    ...(body.return_documents ? { document: { text } } : {}),
  }));
  return json({
    object: "list",
    model,
    results: results.slice(0, body.top_n ?? results.length),
    usage: promptUsage([promptTokens]),
  });
}

/** `POST /v1/rerank` in Jina's form: OpenAI's API has no such route. The path has another form too. */
export const jinaRerank: RouteCode = {
  body: rerankBody,
  answer: rerankAnswer,
  handle: rerank,
};
