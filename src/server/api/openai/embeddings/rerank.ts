import * as z from "zod";
import { ShimmyError } from "../../../../errors.ts";
import { type Exchange, json, parseLenient, readJson, type Route } from "../../../http/mod.ts";
import { engineForModel, resolveForKind } from "../../../answers/mod.ts";
import { openaiDialect } from "../shared/dialect.ts";
import { promptUsage } from "./embeddings.ts";
import { boolean, text } from "../shared/fields.ts";

/** Maximum documents of a request; each is a sequence. */
const DOCUMENTS_LIMIT = 2048;

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
  const named = await resolveForKind(exchange.context.pool, body.model ?? undefined, "rerank");
  const { entry, engine } = await engineForModel(exchange, named);
  if (entry.kind !== "rerank") {
    throw new ShimmyError("invalid", "model: must be a reranking model", { field: "model" });
  }
  const documents = body.documents.map((one) => typeof one === "string" ? one : one.text);
  const inputs = documents.map((document, index) => ({
    field: `documents[${index}]`,
    query: body.query,
    document,
  }));
  const { vectors, tokens } = await engine.embed({ inputs, normalize: false }, exchange.signal);
  exchange.recordUsage({ promptTokens: promptUsage(tokens).prompt_tokens });
  const results = documents.map((document, index) => ({
    index,
    relevance_score: vectors[index]![0]!,
    ...(body.return_documents ? { document: { text: document } } : {}),
  })).sort((a, b) => b.relevance_score - a.relevance_score);
  return json({
    object: "list",
    model: entry.name,
    results: results.slice(0, body.top_n ?? results.length),
    usage: promptUsage(tokens),
  });
}

/** `/v1/rerank` in Jina's form: OpenAI's API has no such route. */
export const rerankRoutes: readonly Route[] = [{
  method: "POST",
  path: "/v1/rerank",
  scope: "embed",
  dialect: openaiDialect,
  summary: "Score documents for a query, best first",
  body: rerankBody,
  answer: rerankAnswer,
  handle: rerank,
}];
