/** Models from the network, and away again. */

export { missingBytes, type PulledModel, type PullPlan, type PullSurroundings } from "./plan.ts";
export { isReference, OLLAMA_HOST, parseReference, referenceText } from "./reference.ts";
export type { Removal } from "./removal.ts";
export {
  createStore,
  type ModelStore,
  type PlanOptions,
  type PullEvent,
  type PullOptions,
} from "./store.ts";
