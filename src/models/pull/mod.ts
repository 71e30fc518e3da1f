/** Pulls models from the Hugging Face hub, Ollama's registry or a URL, and removes models. */

export { missingBytes, type PulledModel, type PullEnvironment, type PullPlan } from "./plan.ts";
export {
  isReference,
  OLLAMA_HOST,
  parseReference,
  type Reference,
  referenceText,
} from "./reference.ts";
export type { Removal } from "./removal.ts";
export {
  createStore,
  type ModelStore,
  type PlanOptions,
  type PullEvent,
  type PullOptions,
} from "./store.ts";
