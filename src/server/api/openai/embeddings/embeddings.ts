import { encodeBase64 } from "@std/encoding/base64";
import * as z from "zod";
import type { Engine } from "../../../../engine/mod.ts";
import type { Embedding, EmbedInput } from "../../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { type Exchange, json, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { engineForModel, resolveForKind, truncateEmbedding } from "../../../answers/mod.ts";
import { aboutUser, boolean, text } from "../shared/fields.ts";

/** Maximum inputs of a request: OpenAI's limit. */
const INPUTS_LIMIT = 2048;

const INPUT_ERROR = `must be text, token ids, or a list of 1 to ${INPUTS_LIMIT} of either`;
const inputText = z.string();
const tokenId = z.int({ error: "token ids must be whole numbers" }).min(0);
/** Token ids, with texts between them as in llama-server. */
const inputTokens = z.array(z.union([tokenId, inputText])).min(1);
const DIMENSIONS_ERROR = "must be a whole number, 1 or more";

const embeddingsBody = z.strictObject({
  model: text.nullish().describe("Default: the only embedding model, or else the default model"),
  input: z.union([
    inputText,
    z.array(tokenId).min(1),
    z.array(z.union([inputText, inputTokens])).min(1).max(INPUTS_LIMIT),
    inputTokens,
  ], { error: INPUT_ERROR }),
  dimensions: z.int({ error: DIMENSIONS_ERROR }).min(1, { error: DIMENSIONS_ERROR }).nullish()
    .describe("Keep only the first dimensions, for models that support it"),
  parse_special: boolean.nullish()
    .describe("Parse control tokens in the texts. Default false: they are plain text"),
  encoding_format: z.enum(["float", "base64"], { error: "must be float or base64" }).nullish(),
  user: aboutUser,
});

const embeddingsAnswer = z.object({
  object: z.literal("list"),
  model: z.string(),
  data: z.array(z.object({
    object: z.literal("embedding"),
    index: z.int(),
    embedding: z.union([z.array(z.number()), z.string()]),
  })),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});

/** One input: a text, or token ids and texts. */
type Input = string | readonly (number | string)[];

async function toInputs(
  engine: Engine,
  { input, parse_special }: z.output<typeof embeddingsBody>,
): Promise<EmbedInput[]> {
  const special = parse_special ?? false;
  const toInput = async (one: Input, field: string): Promise<EmbedInput> => {
    if (typeof one === "string") return { field, text: one, special };
    if (isTokens(one)) return { field, tokens: one };
    const parts = one.map((part) =>
      typeof part === "string" ? { text: part, special } : { tokens: [part] }
    );
    return { field, tokens: await engine.tokenize(parts, false) };
  };
  if (typeof input === "string") return [await toInput(input, "input")];
  const list: readonly (Input | number)[] = input;
  if (list.some((one) => typeof one === "number")) {
    return [await toInput(list as readonly (number | string)[], "input")];
  }
  return await Promise.all(
    (list as readonly Input[]).map((one, index) => toInput(one, `input[${index}]`)),
  );
}

function isTokens(list: readonly (string | number)[]): list is readonly number[] {
  return list.every((one) => typeof one === "number");
}

/** Little-endian 32-bit floats on every machine. */
function toBase64(vector: Embedding): string {
  const view = new DataView(new ArrayBuffer(4 * vector.length));
  vector.forEach((value, index) => view.setFloat32(4 * index, value, true));
  return encodeBase64(view.buffer);
}

/** `usage` of routes without generation. */
export function promptUsage(tokens: readonly number[]) {
  const sum = tokens.reduce((all, one) => all + one, 0);
  return { prompt_tokens: sum, total_tokens: sum };
}

async function embed(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, embeddingsBody, await readJson(exchange));
  const named = await resolveForKind(exchange.context.pool, body.model ?? undefined, "embedding");
  const { entry, engine } = await engineForModel(exchange, named);
  if (entry.kind === "rerank") {
    const message = "model: is a reranking model and computes no embeddings; use /v1/rerank";
    throw new ShimmyError("invalid", message, { field: "model" });
  }
  const inputs = await toInputs(engine, body);
  const { vectors, tokens } = await engine.embed({ inputs, normalize: true }, exchange.signal);
  exchange.recordUsage({ promptTokens: promptUsage(tokens).prompt_tokens });
  const data = vectors.map((whole, index) => {
    const vector = truncateEmbedding(whole, body.dimensions);
    const embedding = body.encoding_format === "base64" ? toBase64(vector) : Array.from(vector);
    return { object: "embedding", index, embedding };
  });
  return json({ object: "list", model: entry.name, data, usage: promptUsage(tokens) });
}

/** `POST /v1/embeddings` */
export const createEmbeddings: RouteCode = {
  body: embeddingsBody,
  answer: embeddingsAnswer,
  handle: embed,
};
