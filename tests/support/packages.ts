/** Packages of npm and PyPI that tests fetch into cache folders outside of the repository. */
import { join } from "node:path";

/** Time to fetch and install a package. */
const INSTALL_MS = 600_000;

/** The interpreter of Python. */
export const PYTHON = Deno.build.os === "windows" ? "python" : "python3";

/** A cache folder of tests. The environment variable overrides its place. */
export function cacheFolder(name: string, variable: string): string {
  const given = Deno.env.get(variable);
  if (given) return given;
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? ".";
  return join(Deno.env.get("XDG_CACHE_HOME") || join(home, ".cache"), name);
}

/** Runs a command; the last lines of its output when it fails, and null when it does not. */
export async function failureOf(program: string, args: readonly string[]): Promise<string | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      signal: AbortSignal.timeout(INSTALL_MS),
    }).output();
    if (success) return null;
    const text = new TextDecoder().decode(stderr) || new TextDecoder().decode(stdout);
    return text.trim().split("\n").slice(-3).join(" ");
  } catch (error) {
    return `${program}: ${error instanceof Error ? error.message : error}`;
  }
}
