import type { Config } from "../config/mod.ts";
import type { World } from "../environment/mod.ts";

/** The default model's file or reference, as the configuration or the environment names it. */
export function defaultModel(
  { env }: Pick<World, "env">,
  config: Config | null | undefined,
): string | undefined {
  return config?.options["model-path"]?.[0] ?? (env("SHIMMY_BASE_GGUF") || undefined);
}
