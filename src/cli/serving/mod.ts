export { createLog, type Log } from "./log.ts";
export { followConfig, residenceOf } from "./reload_config.ts";
