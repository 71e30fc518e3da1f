import type { Dialect } from "../../http/mod.ts";

/** Shimmy's own API: an error is a sentence. */
export const nativeDialect: Dialect = {
  name: "native",
  errorBody: (error) => ({ error: error.message }),
};
