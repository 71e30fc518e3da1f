import type { Dialect } from "../../http/mod.ts";

/** Ollama's error format: one sentence under `error`. */
export const ollamaDialect: Dialect = {
  name: "ollama",
  errorBody: (error) => ({ error: error.message }),
};
