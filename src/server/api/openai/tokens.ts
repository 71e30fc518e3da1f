import * as z from "zod";
import { conversationText, countTokens } from "../../../chat/mod.ts";
import type { Engine } from "../../../engine/mod.ts";
import { type Exchange, json, readJson, type RouteCode } from "../../http/mod.ts";
import { parseLenient } from "../../validation/mod.ts";
import { engineFor, preparerOf, tokenPieces } from "../../answers/mod.ts";
import { chatBody, chatPromptFields, toChatInput } from "./chat/chat_schema.ts";
import { boolean, rejected, text } from "./shared/fields.ts";
import { toTurn } from "./responses/create.ts";
import { storeOf } from "./responses/routes.ts";
import { responsePromptFields, toResponseInput } from "./responses/schema.ts";

const model = text.nullish().describe("Default: the default model");

/** vLLM's form of `POST /tokenize`: a text in `prompt`. */
const vllmTokenizeBody = z.strictObject({
  model,
  prompt: text,
  add_special_tokens: boolean.nullish().describe("True by default"),
  return_token_strs: boolean.nullish().describe("Report the text of each token too"),
});
/** vLLM's form of `POST /tokenize`: a conversation in `messages`. */
const vllmTokenizeChatBody = z.strictObject({
  ...chatPromptFields,
  add_special_tokens: boolean.nullish(),
  return_token_strs: boolean.nullish().describe("Report the text of each token too"),
});
const vllmTokenizeAnswer = z.object({
  count: z.int(),
  max_model_len: z.int(),
  tokens: z.array(z.int()),
  token_strs: z.array(z.string()).nullable(),
});

const tokenizerInfo = z.object({
  tokenizer_class: z.string().describe("The tokenizer's kind in the model's file"),
  bos_token: z.string().nullable(),
  eos_token: z.string().nullable(),
  pad_token: z.string().nullable(),
  chat_template: z.string().nullable(),
  model_max_length: z.int(),
  vocab_size: z.int(),
});

const IDS_ERROR = "must be a list of token ids";
const detokenizeBody = z.strictObject({
  model,
  tokens: z.array(z.int({ error: IDS_ERROR }).min(0, { error: IDS_ERROR }), { error: IDS_ERROR }),
});
const detokenizeAnswer = z.object({
  content: z.string(),
  prompt: z.string().describe("The same text, under the name that vLLM has for it"),
});

const templateBody = z.strictObject(chatPromptFields);
const templateAnswer = z.object({ prompt: z.string() });

const responseCountBody = z.strictObject({
  ...responsePromptFields,
  personality: rejected("personalities are not supported"),
});
const countAnswer = z.object({
  object: z.literal("response.input_tokens"),
  input_tokens: z.int(),
});

async function tokenize(exchange: Exchange): Promise<Response> {
  const value = await readJson(exchange);
  return typeof value === "object" && value !== null && "messages" in value
    ? await tokenizeChat(exchange, value)
    : await tokenizePrompt(exchange, value);
}

async function tokenizePrompt(exchange: Exchange, value: unknown): Promise<Response> {
  const body = parseLenient(exchange, vllmTokenizeBody, value);
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  const part = { text: body.prompt, special: true };
  const tokens = await engine.tokenize([part], body.add_special_tokens === false ? false : "both");
  return await vllmTokens(engine, tokens, body.return_token_strs ?? false);
}

async function tokenizeChat(exchange: Exchange, value: unknown): Promise<Response> {
  const body = parseLenient(exchange, vllmTokenizeChatBody, value);
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  const part = {
    text: await conversationText(engine, toChatInput(body), preparerOf(exchange)),
    special: true,
  };
  const tokens = await engine.tokenize([part], body.add_special_tokens ?? false);
  return await vllmTokens(engine, tokens, body.return_token_strs ?? false);
}

async function vllmTokens(
  engine: Engine,
  tokens: readonly number[],
  withTexts: boolean,
): Promise<Response> {
  const pieces = withTexts ? await tokenPieces(engine, tokens, "return_token_strs") : null;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return json({
    count: tokens.length,
    max_model_len: engine.info.contextLength,
    tokens,
    token_strs: pieces?.map((bytes) => decoder.decode(bytes)) ?? null,
  });
}

/** What clients that count tokens themselves need to know of a tokenizer, as vLLM reports it. */
async function describeTokenizer(exchange: Exchange): Promise<Response> {
  const name = new URL(exchange.request.url).searchParams.get("model") ?? undefined;
  const { engine } = await engineFor(exchange, name);
  const { info } = engine;
  const paddingToken = info.metadata["tokenizer.ggml.padding_token_id"];
  return json({
    tokenizer_class: info.metadata["tokenizer.ggml.model"] ?? "unknown",
    bos_token: info.bosText || null,
    eos_token: info.eosText || null,
    pad_token: paddingToken === undefined ? null : await engine.detokenize([Number(paddingToken)]),
    chat_template: info.chatTemplate,
    model_max_length: info.contextLength,
    vocab_size: info.vocabularySize,
  });
}

async function detokenize(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, detokenizeBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  const content = await engine.detokenize(body.tokens);
  return json({ content, prompt: content });
}

async function applyTemplate(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, templateBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  return json({
    prompt: await conversationText(engine, toChatInput(body), preparerOf(exchange)),
  });
}

function counted(tokens: number): Response {
  return json({ object: "response.input_tokens", input_tokens: tokens });
}

async function countChat(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, chatBody, await readJson(exchange));
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  return counted(await countTokens(engine, toChatInput(body), preparerOf(exchange)));
}

async function countResponse(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, responseCountBody, await readJson(exchange));
  const { before, input } = await toTurn(storeOf(exchange), body);
  const { engine } = await engineFor(exchange, body.model ?? undefined);
  const whole = toResponseInput(body, [...before, ...input]).input;
  return counted(await countTokens(engine, whole, preparerOf(exchange)));
}

/** `POST /tokenize` in vLLM's form. The path has another form in the dialect of llama.cpp. */
export const vllmTokenize: RouteCode = {
  body: z.union([vllmTokenizeBody, vllmTokenizeChatBody]),
  answer: vllmTokenizeAnswer,
  handle: tokenize,
};

/** `GET /tokenizer_info` */
export const tokenizerInformation: RouteCode = {
  answer: tokenizerInfo,
  handle: describeTokenizer,
};

/** `POST /detokenize` */
export const detokenizeText: RouteCode = {
  body: detokenizeBody,
  answer: detokenizeAnswer,
  handle: detokenize,
};

/** `POST /apply-template` */
export const renderTemplate: RouteCode = {
  body: templateBody,
  answer: templateAnswer,
  handle: applyTemplate,
};

/** `POST /v1/chat/completions/input_tokens` */
export const countChatTokens: RouteCode = {
  body: chatBody,
  answer: countAnswer,
  handle: countChat,
};

/** `POST /v1/responses/input_tokens` */
export const countResponseTokens: RouteCode = {
  body: responseCountBody,
  answer: countAnswer,
  handle: countResponse,
};
