import type { ChildCommand } from "../engine/child_link.ts";

/** What runs a model in a process of its own; nothing for people. */
export const ENGINE_COMMAND = "__engine";

/** This program as the process of one model, with no more rights than it needs. */
export function engineCommand(): ChildCommand {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program, ENGINE_COMMAND];
  const rights = ["--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"];
  return [program, "run", "--quiet", "--no-prompt", ...rights, Deno.mainModule, ENGINE_COMMAND];
}
