import { STATUS_CODE } from "@std/http/status";
import type { ShimmyError } from "../../../errors.ts";
import type { Dialect } from "../../http/mod.ts";

/** Types of errors by status (`format_error_response` of llama-server). */
const TYPES: Readonly<Record<number, string>> = {
  [STATUS_CODE.Unauthorized]: "authentication_error",
  [STATUS_CODE.Forbidden]: "permission_error",
  [STATUS_CODE.NotFound]: "not_found_error",
  // llama-server has no limits of keys; OpenAI's type.
  [STATUS_CODE.TooManyRequests]: "rate_limit_error",
  [STATUS_CODE.NotImplemented]: "not_supported_error",
  [STATUS_CODE.ServiceUnavailable]: "unavailable_error",
};

/** The value of `error` in bodies and streams. */
export function toLlamaError(error: ShimmyError, status: number) {
  const { message, field, overflow } = error;
  const about = field === undefined || field === "body" ? {} : { param: field };
  if (overflow !== undefined) {
    const { promptTokens, contextLength } = overflow;
    return {
      code: status,
      // Clients recognize this sentence.
      message: `request (${promptTokens} tokens) exceeds the available context size ` +
        `(${contextLength} tokens)`,
      type: "exceed_context_size_error",
      ...about,
      n_prompt_tokens: promptTokens,
      n_ctx: contextLength,
    };
  }
  const type = TYPES[status] ?? (status < 500 ? "invalid_request_error" : "server_error");
  return { code: status, message, type, ...about };
}

/** The error format of llama.cpp's server. */
export const llamacppDialect: Dialect = {
  name: "llamacpp",
  errorBody: (error, status) => ({ error: toLlamaError(error, status) }),
};
