import { expandHome, homeFolder } from "../../models/entry/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Environment } from "../environment/mod.ts";

/** The default model's file or reference from the configuration or the environment. */
export function defaultModel(
  { env }: Pick<Environment, "env">,
  config: Config | null | undefined,
): string | undefined {
  const given = config?.options["model-path"]?.[0] ?? (env("SHIMMY_BASE_GGUF") || undefined);
  return given === undefined ? undefined : expandHome(given, homeFolder(env));
}
