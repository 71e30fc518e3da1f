import type { ShimmyError } from "../../../../errors.ts";
import type { Dialect } from "../../../http/mod.ts";

/** An error in OpenAI's form; programs compare `code`. */
export interface OpenAIError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  /** Tokens of a prompt that does not fit, and tokens of the context, as in llama-server. */
  readonly n_prompt_tokens?: number;
  readonly n_ctx?: number;
}

const TYPES: Readonly<Record<number, string>> = {
  403: "permission_error",
  429: "rate_limit_error",
};

function codeOf(error: ShimmyError, status: number): string | null {
  if (error.kind === "context_length") return "context_length_exceeded";
  if (error.kind === "not_found") return "model_not_found";
  if (error.kind === "overloaded") return "overloaded";
  if (error.kind === "cancelled") return "cancelled";
  if (error.kind === "backend") return "backend_error";
  if (status === 401) return "invalid_api_key";
  if (status === 404) return "not_found";
  if (status === 429) return "rate_limit_exceeded";
  return null;
}

/** The value of `error` in bodies and streams. */
export function toOpenAIError(error: ShimmyError, status: number): OpenAIError {
  const param = error.field ?? (error.kind === "not_found" ? "model" : null);
  return {
    message: error.message,
    type: TYPES[status] ?? (status < 500 ? "invalid_request_error" : "server_error"),
    param: param === "body" ? null : param,
    code: codeOf(error, status),
    ...(error.overflow === undefined ? {} : {
      n_prompt_tokens: error.overflow.promptTokens,
      n_ctx: error.overflow.contextLength,
    }),
  };
}

/** OpenAI's error envelope. */
export const openaiDialect: Dialect = {
  name: "openai",
  errorBody: (error, status) => ({ error: toOpenAIError(error, status) }),
  // Otherwise OpenAI's clients retry twice after each 5xx although the model cannot be loaded.
  errorHeaders: (error): HeadersInit =>
    error.kind === "backend" && error.retryAfter === undefined ? { "x-should-retry": "false" } : {},
};
