import { readOptionalJson, type RouteCode } from "../../http/mod.ts";
import * as answers from "./response_schemas.ts";
import { chat } from "./generation/chat.ts";
import { embed, embeddings } from "./generation/embed.ts";
import { ollamaGenerate } from "./generation/generate.ts";
import { ps, show, status, tags, version } from "./models/models.ts";
import { copy, create, findBlob, push, receiveBlob } from "./models/create.ts";
import { pull, remove } from "./models/pull.ts";
import { copyBody, createBody, pushBody } from "./request/create_schema.ts";
import {
  chatBody,
  deleteBody,
  embedBody,
  embeddingsBody,
  generateBody,
  pullBody,
  showBody,
} from "./request/schema.ts";

/** `GET /api/tags` */
export const tagsCode: RouteCode = {
  answer: answers.tagsAnswer,
  handle: tags,
};

/** `GET /api/ps` */
export const psCode: RouteCode = {
  answer: answers.psAnswer,
  handle: ps,
};

/** `GET /api/version` */
export const versionCode: RouteCode = {
  answer: answers.versionAnswer,
  handle: version,
};

/** `POST /api/chat` */
export const chatCode: RouteCode = {
  body: chatBody,
  answer: answers.chatAnswer,
  handle: chat,
};

/** `POST /api/embed` */
export const embedCode: RouteCode = {
  body: embedBody,
  answer: answers.embedAnswer,
  handle: embed,
};

/** `POST /api/embeddings` */
export const embeddingsCode: RouteCode = {
  body: embeddingsBody,
  answer: answers.embeddingsAnswer,
  handle: embeddings,
};

/** `POST /api/show` */
export const showCode: RouteCode = {
  body: showBody,
  answer: answers.showAnswer,
  handle: show,
};

/** `POST /api/pull` */
export const pullCode: RouteCode = {
  body: pullBody,
  answer: answers.pullAnswer,
  handle: pull,
};

/** `POST /api/create` */
export const createCode: RouteCode = {
  body: createBody,
  answer: answers.pullAnswer,
  handle: create,
};

/** `POST /api/copy` */
export const copyCode: RouteCode = {
  body: copyBody,
  handle: copy,
};

/** `GET /api/blobs/:digest` */
export const findBlobCode: RouteCode = {
  handle: findBlob,
};

/** `POST /api/blobs/:digest` */
export const receiveBlobCode: RouteCode = {
  handle: receiveBlob,
};

/** `POST /api/push` */
export const pushCode: RouteCode = {
  body: pushBody,
  handle: push,
};

/** `GET /api/status` */
export const statusCode: RouteCode = {
  answer: answers.statusAnswer,
  handle: status,
};

/** `DELETE /api/delete` */
export const removeCode: RouteCode = {
  body: deleteBody,
  handle: remove,
};

/** `POST /api/generate` */
export const generateCode: RouteCode = {
  body: generateBody,
  answer: answers.generateAnswer,
  handle: async (exchange) => ollamaGenerate(exchange, await readOptionalJson(exchange)),
};
