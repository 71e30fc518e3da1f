import type { Embedding, EmbedInput, EmbedRequest } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { type Exchange, json } from "../../../http/mod.ts";
import { engineForModel, truncateEmbedding } from "../../../answers/mod.ts";
import { keepAliveOf } from "../../../schemas/mod.ts";
import { nanoseconds } from "./statistics.ts";
import { resolveModelName } from "../models/tagged_name.ts";
import { checkLoaded } from "../request/options.ts";
import { readBody } from "../request/parse_body.ts";
import { type EmbedBody, embedBody, embeddingsBody } from "../request/schema.ts";

/** `POST /api/embed`. */
export async function embed(exchange: Exchange): Promise<Response> {
  const began = performance.now();
  const body = await readBody(exchange, embedBody);
  const { input, dimensions } = body;
  const inputs = typeof input === "string" || !input
    ? named("input", input ?? "")
    : input.map((text, index) => ({ field: `input[${index}]`, text }));
  const { vectors, tokens, loadMs } = await embedTexts(exchange, body, {
    inputs,
    normalize: true,
    truncate: body.truncate ?? true,
  });
  return json({
    model: body.model,
    embeddings: vectors.map((vector) => Array.from(truncateEmbedding(vector, dimensions))),
    total_duration: nanoseconds(performance.now() - began),
    load_duration: nanoseconds(loadMs),
    prompt_eval_count: tokens.reduce((sum, count) => sum + count, 0),
  });
}

/** `POST /api/embeddings`: one embedding, not normalized; a text over the context is an error. */
export async function embeddings(exchange: Exchange): Promise<Response> {
  const body = await readBody(exchange, embeddingsBody);
  const { vectors } = await embedTexts(exchange, body, {
    inputs: named("prompt", body.prompt ?? ""),
    normalize: false,
  });
  return json({ embedding: Array.from(vectors[0] ?? []) });
}

/** The input for one text; an empty text only loads the model. */
function named(field: string, text: string): EmbedInput[] {
  return text === "" ? [] : [{ field, text }];
}

async function embedTexts(
  exchange: Exchange,
  { model, options, keep_alive }: Pick<EmbedBody, "model" | "options" | "keep_alive">,
  request: EmbedRequest,
): Promise<{ vectors: readonly Embedding[]; tokens: readonly number[]; loadMs: number }> {
  const began = performance.now();
  const named = await resolveModelName(exchange.context.pool, model);
  if (named.entry.kind === "rerank") {
    const message = "model: is a reranking model and computes no embeddings";
    throw new ShimmyError("invalid", message, { field: "model" });
  }
  const { engine } = await engineForModel(exchange, named, keepAliveOf(keep_alive));
  const loadMs = performance.now() - began;
  checkLoaded(options ?? {}, engine.info);
  const result = request.inputs.length === 0 ? { vectors: [], tokens: [] } : await engine.embed({
    ...request,
    ...(options?.num_ctx ? { contextLength: options.num_ctx } : {}),
  }, exchange.signal);
  exchange.recordUsage({ promptTokens: result.tokens.reduce((sum, count) => sum + count, 0) });
  return { ...result, loadMs };
}
