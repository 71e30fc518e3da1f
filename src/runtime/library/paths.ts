import { isAbsolute, join, resolve } from "node:path";
import { ShimmyError } from "../../errors.ts";

/**
 * The folder for files that Shimmy can download again: `SHIMMY_CACHE_DIR`, otherwise in the user's
 * cache folder of the operating system.
 *
 * @throws {ShimmyError} `invalid` if the environment defines neither that nor a home folder.
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
    // The XDG Base Directory specification requires ignoring a relative path.
    if (os !== "darwin" && xdg && isAbsolute(xdg)) return join(xdg, "shimmy");
    if (os !== "darwin" && home) return join(home, ".cache", "shimmy");
  }
  throw new ShimmyError(
    "invalid",
    "SHIMMY_CACHE_DIR: must be set if there is no home folder",
    { field: "SHIMMY_CACHE_DIR" },
  );
}
