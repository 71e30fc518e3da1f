import { encodeBase64 } from "@std/encoding/base64";
import * as z from "zod";
import type { Engine } from "../../../engine/mod.ts";
import type { Embedding, EmbedInput } from "../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { engineForModel, resolveForKind } from "../../answers/mod.ts";
import { type Exchange, json, readJson, type RouteCode } from "../../http/mod.ts";
import { parseLenient } from "../../validation/mod.ts";
import { integerFrom } from "../../schemas/mod.ts";
import { prompt, type SinglePrompt, text } from "./completion/fields.ts";
import { partsOf, promptsOf } from "./completion/prompts.ts";

/** Maximum inputs of a request, as in OpenAI's API. */
const INPUTS_LIMIT = 2048;

const inputs = prompt.refine((given) => promptsOf(given).prompts.length <= INPUTS_LIMIT, {
  error: `must be at most ${INPUTS_LIMIT} inputs`,
});

const embeddingBody = z.strictObject({
  model: text.nullish().describe("Default: the only embedding model, or else the default model"),
  content: inputs.optional().describe("Texts or token ids"),
  input: inputs.optional().describe("As content"),
  embd_normalize: integerFrom(-1).nullish().describe(
    "-1: none, 0: by the largest value, 1: by the sum, 2, the default: to unit length, p: p-norm",
  ),
  encoding_format: z.enum(["float", "base64"], { error: "must be float or base64" }).nullish(),
});

const embeddingAnswer = z.array(z.object({
  index: z.int(),
  embedding: z.union([z.array(z.array(z.number())), z.string()]),
}));

async function inputOf(engine: Engine, field: string, one: SinglePrompt): Promise<EmbedInput> {
  if (typeof one === "string") return { field, text: one, special: true };
  if (!Array.isArray(one)) return { field, text: one.prompt_string, special: true };
  return { field, tokens: await engine.tokenize(partsOf(one), false) };
}

/** Scales a vector (`common_embd_normalize` of llama.cpp). */
export function normalized(vector: Embedding, kind: number): number[] {
  const values = Array.from(vector);
  if (kind < 0) return values;
  const norm = normOf(values, kind);
  return norm > 0 ? values.map((value) => value / norm) : values.map(() => 0);
}

function normOf(values: readonly number[], kind: number): number {
  if (kind === 0) {
    // The largest value becomes that of a 16-bit integer.
    return Math.max(...values.map(Math.abs)) / 32760;
  }
  if (kind === 2) return Math.hypot(...values);
  return values.reduce((sum, value) => sum + Math.abs(value) ** kind, 0) ** (1 / kind);
}

/** Little-endian 32-bit floats. */
function toBase64(values: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, index) => view.setFloat32(4 * index, value, true));
  return encodeBase64(view.buffer);
}

async function embed(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, embeddingBody, await readJson(exchange));
  const given = body.content ?? body.input;
  if (given === undefined) {
    throw new ShimmyError("invalid", "content: is required", { field: "content" });
  }
  const field = body.content === undefined ? "input" : "content";
  const named = await resolveForKind(exchange.context.pool, body.model ?? undefined, "embedding");
  const { entry, engine } = await engineForModel(exchange, named);
  if (entry.kind === "rerank") {
    const message = "model: is a reranking model and computes no embeddings; use /rerank";
    throw new ShimmyError("invalid", message, { field: "model" });
  }
  const { prompts, isList } = promptsOf(given);
  const inputs = await Promise.all(
    prompts.map((one, index) => inputOf(engine, isList ? `${field}[${index}]` : field, one)),
  );
  const { vectors, tokens } = await engine.embed({ inputs, normalize: false }, exchange.signal);
  exchange.recordUsage({ promptTokens: tokens.reduce((sum, one) => sum + one, 0) });
  return json(vectors.map((vector, index) => {
    const values = normalized(vector, body.embd_normalize ?? 2);
    return {
      index,
      embedding: body.encoding_format === "base64" ? toBase64(values) : [values],
    };
  }));
}

/** `POST /embedding` in the form of llama-server: one list of vectors per input. */
export const createEmbeddings: RouteCode = {
  body: embeddingBody,
  answer: embeddingAnswer,
  handle: embed,
};
