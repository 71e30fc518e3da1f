export { ENGINE_COMMAND, ENGINE_MODULE } from "./child_main.ts";
export { type ChildCommand, ChildLink } from "./child_transport.ts";
export { type Link, WorkerLink } from "./transport.ts";
