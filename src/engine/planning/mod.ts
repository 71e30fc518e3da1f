/** Plans a load: memory by device, offloaded layers, context length. */
export { type LoadPlan, planLoad, plannedBytes, type PlanOptions } from "./plan.ts";
export { PLAN_COMMAND, PLAN_MODULE } from "./plan_messages.ts";
