import { join } from "node:path";
import { folderSource } from "./folder.ts";
import type { Environment, ModelSource } from "./source.ts";

/**
 * LM Studio's folder, and the folder it used before version 0.3.6:
 * `<publisher>/<repository>/<file>`.
 */
export function lmStudioSources({ home }: Environment): ModelSource[] {
  if (home === undefined) return [];
  return [
    folderSource(join(home, ".lmstudio", "models"), "lmstudio"),
    folderSource(join(home, ".cache", "lm-studio", "models"), "lmstudio"),
  ];
}
