import { type Exchange, readJson, type Route } from "../../http/mod.ts";
import { nativeDialect } from "./dialect.ts";
import { handleGenerate } from "./generate.ts";
import { generateAnswerSchema, generateSchema } from "./schema.ts";

/** Answers a request whose body was read already, because more than one dialect looks into it. */
export type GenerateHandler = (exchange: Exchange, body: unknown) => Response | Promise<Response>;

/** Another dialect's claim on `POST /api/generate`. */
export interface GenerateClaim {
  /** Whether a request is this dialect's. */
  claims(headers: Headers, body: unknown): boolean;
  readonly handle: GenerateHandler;
}

/**
 * `POST /api/generate`, which belongs to two dialects: the native one answers what the other does not
 * claim.
 */
export function generateRoute(other?: GenerateClaim): Route {
  return {
    method: "POST",
    path: "/api/generate",
    dialect: nativeDialect,
    summary: "Generate text from a prompt or a conversation",
    body: generateSchema,
    answer: generateAnswerSchema,
    streams: ["text/event-stream", "application/x-ndjson"],
    async handle(exchange) {
      const body = await readJson(exchange);
      const claimed = other?.claims(exchange.request.headers, body) ?? false;
      return await (claimed ? other!.handle : handleGenerate)(exchange, body);
    },
  };
}
