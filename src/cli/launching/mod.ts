/** Client programs that `launch` starts, their settings, and a server for the time of a client. */
export { chooseModel } from "./choose_model.ts";
export type { Client, Setup, Target } from "./client.ts";
export { CLIENTS } from "./clients/table.ts";
export { contextWarning } from "./context_advice.ts";
export { findExecutable } from "./executable.ts";
export { setupLines } from "./report.ts";
export { runClient } from "./run_client.ts";
export { lastingFolder, temporaryFolder, writeSettings } from "./settings_files.ts";
export { shellScript } from "./shell.ts";
export { startServer } from "./start_server.ts";
export type { TemporaryServer } from "./temporary_server.ts";
