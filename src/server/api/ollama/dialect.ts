import type { ShimmyError } from "../../../errors.ts";
import { type Dialect, toShimmyError } from "../../http/mod.ts";

/** Ollama's error format: one sentence under `error`. */
export const ollamaDialect: Dialect = {
  name: "ollama",
  errorBody: (error) => ({ error: sentenceOf(error) }),
};

/** An error as the last line of a stream. */
export function errorLine(thrown: unknown): { readonly error: string } {
  return { error: sentenceOf(toShimmyError(thrown)) };
}

/** The message of an error, with the words by which clients of Ollama recognize its kind. */
function sentenceOf({ kind, message }: ShimmyError): string {
  if (kind === "overloaded") return `server busy, please try again: ${message}`;
  if (kind === "not_found") return message.replace(/^Model '/, "model '");
  return message;
}
