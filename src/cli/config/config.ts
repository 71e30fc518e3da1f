import type { ModelConfig } from "../../models/registry/mod.ts";

/** A configuration file that was read. */
export interface Config {
  readonly path: string;
  /** Its text, to tell whether it has changed. */
  readonly text: string;
  readonly models: ModelConfig;
  /** Options by their names without the hyphens, as texts for their readers. */
  readonly options: Readonly<Record<string, readonly string[]>>;
}

/** What the file is called where nobody names one. */
export const CONFIG_NAME = "shimmy.json";
