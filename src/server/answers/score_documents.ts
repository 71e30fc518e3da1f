import { ShimmyError } from "../../errors.ts";
import type { Exchange } from "../http/mod.ts";
import { resolveForKind } from "./model_names.ts";
import { engineForModel } from "./start_answer.ts";

/** Maximum documents of a request; each is a sequence. */
export const DOCUMENTS_LIMIT = 2048;

/** A document's place in the request, its text and its score. */
export interface ScoredDocument {
  readonly index: number;
  readonly text: string;
  /** Higher is more relevant. */
  readonly score: number;
}

/** Documents in the order of their scores, the most relevant first. */
export interface ScoredDocuments {
  readonly model: string;
  readonly documents: readonly ScoredDocument[];
  readonly promptTokens: number;
}

/**
 * Scores documents for a query.
 *
 * @param field the field of the request with the documents, for errors.
 * @throws {ShimmyError} `invalid` when the model is no reranking model.
 */
export async function scoreDocuments(
  exchange: Exchange,
  model: string | undefined,
  query: string,
  texts: readonly string[],
  field: string,
): Promise<ScoredDocuments> {
  const named = await resolveForKind(exchange.context.pool, model, "rerank");
  const { entry, engine } = await engineForModel(exchange, named);
  if (entry.kind !== "rerank") {
    throw new ShimmyError("invalid", "model: must be a reranking model", { field: "model" });
  }
  const inputs = texts.map((document, index) => ({ field: `${field}[${index}]`, query, document }));
  const { vectors, tokens } = await engine.embed({ inputs, normalize: false }, exchange.signal);
  const promptTokens = tokens.reduce((sum, one) => sum + one, 0);
  exchange.recordUsage({ promptTokens });
  const documents = texts.map((text, index) => ({ index, text, score: vectors[index]![0]! }))
    .sort((a, b) => b.score - a.score);
  return { model: entry.name, documents, promptTokens };
}
