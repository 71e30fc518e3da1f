import type { Dialect } from "../../http/mod.ts";

/** Shimmy's own API: the body of an error is one sentence under `error`. */
export const nativeDialect: Dialect = {
  name: "native",
  errorBody: (error) => ({ error: error.message }),
};
