import { join } from "@std/path";
import { folderPlace } from "./folder.ts";
import type { Place, Surroundings } from "./source.ts";

/** LM Studio's folder and the one it used before version 0.3.6: `<publisher>/<repository>/<file>`. */
export function lmStudioPlaces({ home }: Surroundings): Place[] {
  if (home === undefined) return [];
  return [
    folderPlace(join(home, ".lmstudio", "models"), "lmstudio"),
    folderPlace(join(home, ".cache", "lm-studio", "models"), "lmstudio"),
  ];
}
