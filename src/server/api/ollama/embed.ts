import type { Embedding } from "../../../engine/protocol.ts";
import { ShimmyError } from "../../../errors.ts";
import { parse, readJson } from "../../body.ts";
import type { Exchange } from "../../route.ts";
import { engineOf } from "../../run.ts";
import { keepAliveOf } from "../../schemas/keep_alive.ts";
import { json } from "../../json.ts";
import { nanoseconds } from "./metrics.ts";
import { resolveTagged } from "./names.ts";
import { checkLoaded } from "./options.ts";
import { type EmbedBody, embedBody, embeddingsBody } from "./schema.ts";

/** `POST /api/embed`. */
export async function embed(exchange: Exchange): Promise<Response> {
  const began = performance.now();
  const body = parse(embedBody, await readJson(exchange));
  const { input, dimensions } = body;
  const texts = typeof input === "string" ? (input === "" ? [] : [input]) : input;
  const { vectors, tokens, loadMs } = await embedTexts(exchange, body, texts, true);
  return json({
    model: body.model,
    embeddings: vectors.map((vector) => Array.from(dimensions ? cut(vector, dimensions) : vector)),
    total_duration: nanoseconds(performance.now() - began),
    load_duration: nanoseconds(loadMs),
    prompt_eval_count: tokens.reduce((sum, count) => sum + count, 0),
  });
}

/** `POST /api/embeddings`, whose vector has the length the model gives it. */
export async function embeddings(exchange: Exchange): Promise<Response> {
  const body = parse(embeddingsBody, await readJson(exchange));
  const { prompt } = body;
  const { vectors } = await embedTexts(exchange, body, prompt === "" ? [] : [prompt], false);
  return json({ embedding: Array.from(vectors[0] ?? []) });
}

async function embedTexts(
  exchange: Exchange,
  { model, options, keep_alive }: Pick<EmbedBody, "model" | "options" | "keep_alive">,
  texts: readonly string[],
  normalize: boolean,
): Promise<{ vectors: readonly Embedding[]; tokens: readonly number[]; loadMs: number }> {
  const began = performance.now();
  const entry = await resolveTagged(exchange.context.pool, model);
  if (entry.kind === "rerank") {
    const message = "model: scores documents and makes no embeddings";
    throw new ShimmyError("invalid", message, { field: "model" });
  }
  const engine = await engineOf(exchange, entry, keepAliveOf(keep_alive));
  const loadMs = performance.now() - began;
  checkLoaded(options ?? {}, engine.info);
  const inputs = texts.map((text) => ({ parts: [{ text, special: false }] }));
  const result = texts.length === 0
    ? { vectors: [], tokens: [] }
    : await engine.embed({ inputs, normalize });
  return { ...result, loadMs };
}

/**
 * The first dimensions of a vector, scaled to length 1 again: what models trained for it (Matryoshka)
 * are meant to be cut to.
 */
function cut(vector: Embedding, dimensions: number): Embedding {
  if (dimensions > vector.length) {
    const message = `dimensions: must be at most ${vector.length}, the model's own`;
    throw new ShimmyError("invalid", message, { field: "dimensions" });
  }
  const kept = vector.slice(0, dimensions);
  const length = Math.hypot(...kept);
  return length === 0 ? kept : kept.map((value) => value / length);
}
