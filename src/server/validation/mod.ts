/**
 * Validation of requests: strict in the native API, lenient in the dialects of other servers. It is apart from
 * the HTTP layer, because the server listens before the schemas are read.
 *
 * @module
 */
export { isStrict, parseLenient, parseStrict } from "./ignored_fields.ts";
export { parse } from "./validate.ts";
