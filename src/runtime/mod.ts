/** Which libllama: its variant, where it lies, how to get it. */

export type { Progress } from "./download.ts";
export { type FindOptions, findRuntime, type Runtime } from "./find.ts";
export { cacheDirectory } from "./paths.ts";
export { DEVICES_COMMAND, devicesMain, probeDevices } from "./probe.ts";
export { chooseVariant, type Chosen, type Selection, selectRuntime } from "./select.ts";
export { type BackendReport, surveyBackends, type SurveyOptions } from "./survey.ts";
export {
  type BackendChoice,
  parseBackendChoice,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "./variant.ts";
