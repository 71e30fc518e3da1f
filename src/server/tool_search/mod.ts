/**
 * Searches of the server in the tools of a request, for models that call a search instead of reading all
 * definitions.
 *
 * @module
 */
export { findTools, type Found } from "./find_tools.ts";
