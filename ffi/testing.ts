/** For tests: the real library, and small libraries compiled on the spot. */
import { join } from "node:path";

const PACKAGES: Readonly<Record<string, string>> = {
  "linux-x86_64": "linux-x64",
  "linux-aarch64": "linux-arm64",
  "darwin-x86_64": "mac-x64",
  "darwin-aarch64": "mac-arm64-metal",
  "windows-x86_64": "win-x64",
  "windows-aarch64": "win-arm64",
};

/**
 * The folder of a real libllama: `SHIMMY_LIBLLAMA`, or the npm package for this machine, which Deno
 * fetches. `null` if there is none for this machine.
 */
export async function realLibraryFolder(): Promise<string | null> {
  const given = Deno.env.get("SHIMMY_LIBLLAMA");
  if (given) return given;
  const name = PACKAGES[`${Deno.build.os}-${Deno.build.arch}`];
  if (!name) return null;
  const specifier = `npm:@node-llama-cpp/${name}@3.22.1`;
  const { getBinsDir } = await import(specifier) as { getBinsDir(): { binsDir: string } };
  return join(getBinsDir().binsDir, name);
}

/** Whether a C compiler is there to make small libraries with. */
export async function hasCompiler(): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  try {
    return (await new Deno.Command("cc", { args: ["--version"], stdout: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Compiles C into a shared library that is named `libllama` for this system. */
export async function compileLibrary(folder: string, source: string): Promise<void> {
  const extension = Deno.build.os === "darwin" ? "dylib" : "so";
  await Deno.writeTextFile(join(folder, "library.c"), source);
  const { success } = await new Deno.Command("cc", {
    args: ["-shared", "-fPIC", "-o", `libllama.${extension}`, "library.c"],
    cwd: folder,
  }).output();
  if (!success) throw new Error("Cannot compile a library for a test");
}

/** Calls a function with a fresh folder, and removes the folder. */
export async function withFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-ffi-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
