/** Finds and installs libllama: variants, sources, downloads and devices. */

export type { Progress } from "./library/mod.ts";
export { type FindOptions, findRuntime, installRelease, type Runtime } from "./library/mod.ts";
export { cacheDirectory } from "./library/paths.ts";
export { DEVICES_COMMAND, devicesMain, probeDevices } from "./devices/mod.ts";
export { chooseVariant, type Chosen, type Selection, selectRuntime } from "./devices/mod.ts";
export { type BackendReport, detectBackends, type DetectOptions } from "./devices/mod.ts";
export {
  type BackendChoice,
  parseBackendChoice,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "./library/mod.ts";
export { type InstalledVariant, listInstalled, removeInstalled } from "./library/mod.ts";
