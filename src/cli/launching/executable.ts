import { join } from "node:path";

/**
 * The path of an executable in the folders of `PATH`, or `null`.
 *
 * @param env Reads `PATH`, and on Windows `PATHEXT` with the extensions of executables.
 */
export async function findExecutable(
  name: string,
  env: (name: string) => string | undefined,
  os: typeof Deno.build.os = Deno.build.os,
): Promise<string | null> {
  const isWindows = os === "windows";
  const folders = (env("PATH") ?? "").split(isWindows ? ";" : ":").filter((one) => one !== "");
  const extensions = isWindows ? (env("PATHEXT") || ".COM;.EXE;.BAT;.CMD").split(";") : [""];
  for (const folder of folders) {
    for (const extension of extensions) {
      const path = join(folder, `${name}${extension}`);
      const info = await Deno.stat(path).catch(() => null);
      if (info?.isFile && (isWindows || ((info.mode ?? 0) & 0o111) !== 0)) return path;
    }
  }
  return null;
}
