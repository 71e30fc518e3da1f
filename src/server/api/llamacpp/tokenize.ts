import * as z from "zod";
import type { Engine } from "../../../engine/mod.ts";
import { engineFor, tokenPieces } from "../../answers/mod.ts";
import { type Exchange, json, readJson, type RouteCode } from "../../http/mod.ts";
import { parseLenient } from "../../validation/mod.ts";
import { flag, mixedPrompt, text } from "./completion/fields.ts";
import { partsOf } from "./completion/prompts.ts";

const tokenizeBody = z.strictObject({
  model: text.nullish().describe("Default: the default model"),
  content: mixedPrompt,
  add_special: flag.nullish().describe(
    "Add the special tokens at the start and the end. Default false",
  ),
  parse_special: flag.nullish().describe("Parse control tokens. Default true"),
  with_pieces: flag.nullish().describe("Return the text of each token too, or its bytes"),
});

const tokenizeAnswer = z.object({
  tokens: z.array(z.union([
    z.int(),
    z.object({ id: z.int(), piece: z.union([z.string(), z.array(z.int())]) }),
  ])),
});

async function tokenize(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, tokenizeBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  const parts = partsOf(body.content, body.parse_special ?? true);
  const tokens = await engine.tokenize(parts, body.add_special ? "both" : false);
  return json({ tokens: body.with_pieces ? await withPieces(engine, tokens) : tokens });
}

/** The tokens with their text; with their bytes where these are no complete characters. */
async function withPieces(engine: Engine, tokens: readonly number[]) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const pieces = await tokenPieces(engine, tokens, "with_pieces");
  return pieces.map((bytes, index) => {
    const id = tokens[index]!;
    try {
      return { id, piece: decoder.decode(bytes) };
    } catch {
      return { id, piece: [...bytes] };
    }
  });
}

/** `POST /tokenize` for a body with `content`. The path has another form in another dialect. */
export const tokenizeText: RouteCode = {
  body: tokenizeBody,
  answer: tokenizeAnswer,
  handle: tokenize,
};
