export { Admission, type Limits, type Say } from "./admission.ts";
export { memoryNeed } from "./estimate.ts";
export { MAIN_MEMORY, type Survey, type SurveyHow } from "./memory_requirement.ts";
export { heldOnDevices, Tenancy } from "./reservation.ts";
