/** Programs from npm and PyPI, installed into a cache folder outside of the repository. */
import { join } from "node:path";
import { cacheFolder, failureOf, PYTHON } from "../support/packages.ts";

/** A program and the version that the tests were written for. */
export interface Pinned {
  readonly registry: "npm" | "pypi";
  /** Name of the package. */
  readonly name: string;
  readonly version: string;
  /** Extras of a Python package. */
  readonly extras?: string;
  /** The executable that the package installs. */
  readonly executable: string;
  /** Packages beside it, as NAME@VERSION, such as a version of Node.js that the program needs. */
  readonly beside?: readonly string[];
}

/** The folder of installed programs; `SHIMMY_TEST_PROGRAMS` overrides it. */
export function programsFolder(): string {
  return cacheFolder("shimmy-test-programs", "SHIMMY_TEST_PROGRAMS");
}

/** The folder of executables in a virtual environment of Python. */
export const SCRIPTS = Deno.build.os === "windows" ? "Scripts" : "bin";

/** Path of the executable of a program that is installed. */
function executableOf(folder: string, { registry, executable }: Pinned): string {
  return registry === "npm"
    ? join(folder, "node_modules", ".bin", executable)
    : join(folder, SCRIPTS, executable);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Installs a program into `folder`; the reason when that fails. */
async function install(folder: string, pinned: Pinned): Promise<string | null> {
  const { registry, name, version, extras, beside = [] } = pinned;
  await Deno.mkdir(folder, { recursive: true });
  if (registry === "npm") {
    const options = ["--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error"];
    return await failureOf("npm", ["install", ...options, `${name}@${version}`, ...beside]);
  }
  return await failureOf(PYTHON, ["-m", "venv", folder]) ??
    await failureOf(join(folder, SCRIPTS, "pip"), [
      "install",
      "--quiet",
      `${name}${extras === undefined ? "" : `[${extras}]`}==${version}`,
    ]);
}

/** The executable of a program, or why there is none. */
export type Installed = { readonly path: string } | { readonly missing: string };

/** Installs a program where it is not installed yet. */
export async function provide(pinned: Pinned): Promise<Installed> {
  const { registry, name, version } = pinned;
  const folder = join(programsFolder(), registry, `${name.replace("/", "+")}@${version}`);
  const path = executableOf(folder, pinned);
  if (await exists(path)) return { path };
  const failure = await install(folder, pinned);
  if (failure === null && await exists(path)) return { path };
  // A half-installed program must not count as installed next time.
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  return { missing: failure ?? `the package has no executable '${pinned.executable}'` };
}
