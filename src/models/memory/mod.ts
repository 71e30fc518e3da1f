/** Memory estimates, and admission of models within the memory and model limits. */

export { Admission, type AdmissionLimits, type Log } from "./admission.ts";
export { estimateMainMemory } from "./estimate.ts";
export { type EstimateOptions, MAIN_MEMORY, type MemoryEstimate } from "./memory_requirement.ts";
export { bytesOnDevices, Reservation } from "./reservation.ts";
