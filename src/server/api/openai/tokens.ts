import * as z from "zod";
import { countTokens, renderText } from "../../../chat/mod.ts";
import { type Exchange, json, parse, readJson, type Route } from "../../http/mod.ts";
import { engineFor } from "../../answers/mod.ts";
import { chatBody, chatPromptFields, toChatInput } from "./chat/chat_schema.ts";
import { openaiDialect } from "./shared/dialect.ts";
import { boolean, refused, text } from "./shared/fields.ts";
import { toTurn } from "./responses/create.ts";
import { storeOf } from "./responses/routes.ts";
import { responsePromptFields, toResponseInput } from "./responses/schema.ts";

const model = text.nullish().describe("Without it, the default model");

const tokenizeBody = z.strictObject({
  model,
  content: text,
  add_special: boolean.nullish().describe("Add what the vocabulary wants at its ends"),
  parse_special: boolean.nullish().describe("Read control tokens as such; true by default"),
  with_pieces: z.literal(false, { error: "pieces are not supported; use /detokenize" }).nullish(),
});
const tokenizeAnswer = z.object({ tokens: z.array(z.int()) });

const IDS_ERROR = "must be a list of token ids";
const detokenizeBody = z.strictObject({
  model,
  tokens: z.array(z.int({ error: IDS_ERROR }).min(0, { error: IDS_ERROR }), { error: IDS_ERROR }),
});
const detokenizeAnswer = z.object({ content: z.string() });

const templateBody = z.strictObject(chatPromptFields);
const templateAnswer = z.object({ prompt: z.string() });

const responseCountBody = z.strictObject({
  ...responsePromptFields,
  personality: refused("personalities are not supported"),
});
const countAnswer = z.object({
  object: z.literal("response.input_tokens"),
  input_tokens: z.int(),
});

async function tokenize(exchange: Exchange): Promise<Response> {
  const body = parse(tokenizeBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  const part = { text: body.content, special: body.parse_special ?? true };
  return json({ tokens: await engine.tokenize([part], body.add_special ?? false) });
}

async function detokenize(exchange: Exchange): Promise<Response> {
  const body = parse(detokenizeBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  return json({ content: await engine.detokenize(body.tokens) });
}

async function applyTemplate(exchange: Exchange): Promise<Response> {
  const body = parse(templateBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  return json({ prompt: await renderText(engine.info, toChatInput(body)) });
}

function counted(tokens: number): Response {
  return json({ object: "response.input_tokens", input_tokens: tokens });
}

async function countChat(exchange: Exchange): Promise<Response> {
  const body = parse(chatBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  return counted(await countTokens(engine, toChatInput(body)));
}

async function countResponse(exchange: Exchange): Promise<Response> {
  const body = parse(responseCountBody, await readJson(exchange));
  const { before, input } = toTurn(storeOf(exchange), body);
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  return counted(await countTokens(engine, toResponseInput(body, [...before, ...input])));
}

const dialect = openaiDialect;
const method = "POST";

/** Helpers around prompts: tokens of a text, text of tokens, a conversation as its prompt, counts. */
export const tokenRoutes: readonly Route[] = [
  {
    method,
    path: "/tokenize",
    dialect,
    summary: "Token ids of a text",
    body: tokenizeBody,
    answer: tokenizeAnswer,
    handle: tokenize,
  },
  {
    method,
    path: "/detokenize",
    dialect,
    summary: "Text of token ids",
    body: detokenizeBody,
    answer: detokenizeAnswer,
    handle: detokenize,
  },
  {
    method,
    path: "/apply-template",
    dialect,
    summary: "A conversation as the model reads it",
    body: templateBody,
    answer: templateAnswer,
    handle: applyTemplate,
  },
  {
    method,
    path: "/v1/chat/completions/input_tokens",
    dialect,
    summary: "How many tokens the prompt of a chat completion has",
    body: chatBody,
    answer: countAnswer,
    handle: countChat,
  },
  {
    method,
    path: "/v1/responses/input_tokens",
    dialect,
    summary: "How many tokens the prompt of a response has",
    body: responseCountBody,
    answer: countAnswer,
    handle: countResponse,
  },
];
