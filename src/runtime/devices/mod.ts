export { type BackendReport, surveyBackends, type SurveyOptions } from "./backends.ts";
export { DEVICES_COMMAND, devicesMain, probeDevices } from "./probe.ts";
export { chooseVariant, type Chosen, type Selection, selectRuntime } from "./select.ts";
