import { isAbsolute, join, resolve } from "@std/path";
import { ShimmyError } from "../../errors.ts";

/**
 * The folder for what Shimmy fetches and can fetch again: `SHIMMY_CACHE_DIR`, else the user's cache
 * folder as the operating system has it.
 *
 * @throws {ShimmyError} `invalid` where the environment names neither that nor a home folder
 */
export function cacheDirectory(
  env: (name: string) => string | undefined = Deno.env.get,
  os: typeof Deno.build.os = Deno.build.os,
): string {
  const chosen = env("SHIMMY_CACHE_DIR");
  if (chosen) return resolve(chosen);
  if (os === "windows") {
    const local = env("LOCALAPPDATA") ||
      (env("USERPROFILE") && `${env("USERPROFILE")}/AppData/Local`);
    if (local) return join(local, "shimmy");
  } else {
    const xdg = env("XDG_CACHE_HOME");
    const home = env("HOME");
    if (os === "darwin" && home) return join(home, "Library", "Caches", "shimmy");
    // The XDG Base Directory specification: a relative path in the variable is to be ignored.
    if (os !== "darwin" && xdg && isAbsolute(xdg)) return join(xdg, "shimmy");
    if (os !== "darwin" && home) return join(home, ".cache", "shimmy");
  }
  throw new ShimmyError(
    "invalid",
    "SHIMMY_CACHE_DIR: the environment names no home folder, so the folder for downloads must be set",
    { field: "SHIMMY_CACHE_DIR" },
  );
}
