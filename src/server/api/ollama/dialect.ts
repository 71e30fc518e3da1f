import type { Dialect } from "../../http/mod.ts";

/** How Ollama's clients want their errors: one sentence under `error`. */
export const ollamaDialect: Dialect = {
  name: "ollama",
  errorBody: (error) => ({ error: error.message }),
};
