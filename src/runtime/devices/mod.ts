/** Detects backends and devices, and chooses the variant of libllama. */

export { type BackendReport, detectBackends, type DetectOptions } from "./backends.ts";
export { DEVICES_COMMAND, devicesMain, probeDevices } from "./probe.ts";
export { chooseVariant, type Chosen, type Selection, selectRuntime } from "./select.ts";
