/** Pulling models from the command line: references, confirmation and progress. */
export { modelStore } from "./model_store.ts";
export { confirm, pullWithProgress } from "./pull.ts";
export { resolveDefaultModel, resolveDraft, resolveReference } from "./resolve_reference.ts";
