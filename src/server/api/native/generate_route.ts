import * as z from "zod";
import { type Exchange, readJson, type Route } from "../../http/mod.ts";
import { nativeDialect } from "./dialect.ts";
import { handleGenerate } from "./generate.ts";
import { generateAnswerSchema, generateSchema } from "./schema.ts";

/** Handles a request whose body has been read to select the dialect. */
export type GenerateHandler = (exchange: Exchange, body: unknown) => Response | Promise<Response>;

/** The other dialect of `POST /api/generate`. */
export interface GenerateDialect {
  /** Whether a request is in this dialect. */
  matches(headers: Headers, body: unknown): boolean;
  readonly handle: GenerateHandler;
  /** Its answers. */
  readonly answer: z.ZodType;
}

/**
 * `POST /api/generate`, which two dialects share: the native one handles requests that do not match the
 * other.
 */
export function generateRoute(other?: GenerateDialect): Route {
  return {
    method: "POST",
    path: "/api/generate",
    scope: "chat",
    dialect: nativeDialect,
    summary: "Generate text from a prompt or a conversation",
    body: generateSchema,
    answer: other === undefined
      ? generateAnswerSchema
      : z.union([generateAnswerSchema, other.answer]),
    streams: ["text/event-stream", "application/x-ndjson"],
    async handle(exchange) {
      const body = await readJson(exchange);
      const isOther = other?.matches(exchange.request.headers, body) ?? false;
      return await (isOther ? other!.handle : handleGenerate)(exchange, body);
    },
  };
}
