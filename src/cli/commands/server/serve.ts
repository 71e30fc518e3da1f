import { endSpare, startSpare } from "../../../engine/process/spare_process.ts";
import { canRunItself } from "../../../own_command.ts";
import { cacheDirectory } from "../../../runtime/library/paths.ts";
import { type Call, command, type Environment } from "../../environment/mod.ts";
import { SERVE_OPTIONS } from "../../options/mod.ts";

/** `serve`: runs the server until an interrupt. */
export default command({
  operands: [],
  options: SERVE_OPTIONS,
  run: async (call, environment) => {
    try {
      if (loadsAtStart(call, environment) && await canRunItself()) {
        await startProcess(call, environment);
      }
      const { runServer } = await import("./running_server.ts");
      return await runServer(call, environment);
    } finally {
      await endSpare();
    }
  },
});

/** Whether a model is loaded at the start, in a process of its own. */
function loadsAtStart({ values }: Call<typeof SERVE_OPTIONS>, { env }: Environment): boolean {
  if (values["in-process"] || values["keep-alive"] <= 0) return false;
  return Boolean(values["model-path"] ?? env("SHIMMY_BASE_GGUF"));
}

/** Starts the model's process, which takes as long as reading the modules of the server. */
async function startProcess({ globals }: Call<typeof SERVE_OPTIONS>, { env }: Environment) {
  const { diskCacheFolder, engineCommand } = await import("../../sessions/engine_command.ts");
  const { sharedCacheOf } = await import("../../sessions/shared_cache.ts");
  try {
    const hasDiskCache = globals["disk-cache"] > 0;
    const folder = hasDiskCache ? diskCacheFolder(globals, () => cacheDirectory(env)) : undefined;
    startSpare(engineCommand(env, folder, sharedCacheOf(globals, env))).catch(() => {});
  } catch {
    // The load has the same reason to fail, and tells it.
  }
}
