/** Plans a load: memory by device, offloaded layers, context length. */
export { type LoadPlan, plannedBytes } from "./load_plan.ts";
export { planLoad, type PlanOptions } from "./plan.ts";
export { PLAN_COMMAND, PLAN_MODULE } from "./plan_messages.ts";
