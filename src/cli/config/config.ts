import type { ModelConfig } from "../../models/registry/mod.ts";

/** A parsed configuration file. */
export interface Config {
  readonly path: string;
  /** The text of the file, to detect changes. */
  readonly text: string;
  readonly models: ModelConfig;
  /** Options by their names without hyphens, as the command line would give them. */
  readonly options: Readonly<Record<string, readonly string[]>>;
}

/** The default name of the file. */
export const CONFIG_NAME = "shimmy.json";
