import type { Call } from "./command.ts";
import type { Environment, ModelSession } from "./environment.ts";
import type { OptionSet } from "../options/mod.ts";

/** Opens a session for the models in the model directories, of which the command loads none. */
export async function openFoundModels(
  environment: Pick<Environment, "openModelSession">,
  { globals, config }: Pick<Call<OptionSet>, "globals" | "config">,
): Promise<ModelSession> {
  return await environment.openModelSession({ globals, config, parallel: 1, paths: "found" });
}
