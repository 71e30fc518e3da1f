/** Parts of a running server: the log and the reload of the configuration file. */
export { LatePreparation } from "./late_preparation.ts";
export { createLog, type Log, logAccess, watchedLog } from "./log.ts";
export { residencyLimits, watchConfig } from "./reload_config.ts";
export { auditLine, openAudit } from "./audit.ts";
export { openKeyring } from "./keyring.ts";
export {
  checkDefaultModel,
  folderProblem,
  resolveAddress,
  warnMissingFolders,
  warnUnusedWorkerOptions,
} from "./start_checks.ts";
export { checkOpen, openBrowser, pageAddress } from "./web_page.ts";
export { openStore } from "./store.ts";
export { openTelemetry } from "./telemetry.ts";
export { remoteImages } from "./remote_images.ts";
export { warmUp } from "./warm_up.ts";
export { watchFile } from "./watch_file.ts";
