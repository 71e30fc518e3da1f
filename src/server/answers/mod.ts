/**
 * From a request to an engine and an answer: resolves model and adapter names, leases engines, starts
 * generation and cancels it when the client disconnects. Every dialect enters the engine here.
 *
 * @module
 */
export { callArguments } from "./call_arguments.ts";
export { findTools, type Found } from "./find_tools.ts";
export {
  adapterJson,
  adapterNotFound,
  listResolved,
  qualifiedName,
  type ResolvedModel,
  resolveForKind,
  resolveModel,
} from "./model_names.ts";
export {
  bindAnswer,
  type Caller,
  engineFor,
  engineForEntry,
  engineForModel,
  startAnswer,
} from "./start_answer.ts";
export { truncateEmbedding } from "./truncate_embedding.ts";
