/** Which libllama: its variant, where it lies, how to get it. */

export type { Progress } from "./library/download.ts";
export { type FindOptions, findRuntime, type Runtime } from "./library/find.ts";
export { cacheDirectory } from "./library/paths.ts";
export { DEVICES_COMMAND, devicesMain, probeDevices } from "./devices/probe.ts";
export { chooseVariant, type Chosen, type Selection, selectRuntime } from "./devices/select.ts";
export { type BackendReport, surveyBackends, type SurveyOptions } from "./devices/backends.ts";
export {
  type BackendChoice,
  parseBackendChoice,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "./library/variant.ts";
