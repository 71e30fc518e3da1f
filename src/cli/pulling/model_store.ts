import { createStore, type ModelStore } from "../../models/pull/mod.ts";
import { cacheDirectory } from "../../runtime/library/paths.ts";
import type { World } from "../environment/mod.ts";

/** The models that can be pulled and removed, as the environment has the places for them. */
export function modelStore({ env }: Pick<World, "env">): ModelStore {
  return createStore({
    env,
    home: env("HOME") || env("USERPROFILE") || undefined,
    cacheFolder: () => cacheDirectory(env),
  });
}
