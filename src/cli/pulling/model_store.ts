import { homeFolder } from "../../models/entry/mod.ts";
import { createStore, type ModelStore } from "../../models/pull/mod.ts";
import { cacheDirectory } from "../../runtime/library/paths.ts";
import type { Environment } from "../environment/mod.ts";

/** The store that pulls and removes models, with its directories from the environment. */
export function modelStore({ env }: Pick<Environment, "env">): ModelStore {
  return createStore({
    env,
    home: homeFolder(env),
    cacheFolder: () => cacheDirectory(env),
  });
}
