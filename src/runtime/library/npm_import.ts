import { V8_FLAGS } from "../../own_command.ts";
import { packageIntegrity } from "./release.ts";

/** The exports of the packages of `@node-llama-cpp`. */
export interface BinariesModule {
  getBinsDir(): { readonly binsDir: string; readonly packageVersion: string };
}

/** Imports a package. Tests replace it with a double. */
export type ImportPackage = (specifier: string) => Promise<BinariesModule>;

/**
 * Imports a package in a child process. An import in this process would add the package to the lock
 * file of the source tree, which lists the packages of all platforms, and Deno would print its own
 * progress. If the child process cannot be started, this process imports the package.
 *
 * @throws {Error} with the last line that Deno printed if it cannot fetch the package.
 */
export const importPackage: ImportPackage = async (specifier) =>
  await mayStartChild() ? await importInChild(specifier) : await import(specifier);

/** {@linkcode importPackage} in a child process with some variables of the environment changed. */
export async function importInChild(
  specifier: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BinariesModule> {
  const lock = await writeLock(specifier);
  try {
    const code = `import(${JSON.stringify(specifier)})` +
      `.then((found) => Deno.stdout.write(new TextEncoder().encode(JSON.stringify(found.getBinsDir()))))`;
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", V8_FLAGS, "--allow-read"],
        // A configuration with dependencies would replace the digest in the lock file.
        "--no-config",
        lock === null ? "--no-lock" : `--lock=${lock}`,
        `data:application/javascript,${encodeURIComponent(code)}`,
      ],
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    if (!success) throw new Error(reasonIn(text(stderr)));
    const found = JSON.parse(text(stdout));
    return { getBinsDir: () => found };
  } finally {
    if (lock !== null) await Deno.remove(lock);
  }
}

async function mayStartChild(): Promise<boolean> {
  const rights = await Promise.all([
    Deno.permissions.query({ name: "run", command: Deno.execPath() }),
    Deno.permissions.query({ name: "write" }),
  ]);
  return rights.every(({ state }) => state === "granted");
}

/** A lock file with the digest of the package; `null` if the digest is not known. */
async function writeLock(specifier: string): Promise<string | null> {
  const id = specifier.slice("npm:".length);
  const [, name = ""] = /^@node-llama-cpp\/(.+)@/.exec(id) ?? [];
  const integrity = packageIntegrity(name);
  if (integrity === null) return null;
  const path = await Deno.makeTempFile({ prefix: "shimmy-", suffix: ".lock" });
  const version = id.slice(id.lastIndexOf("@") + 1);
  const lock = {
    version: "5",
    specifiers: { [specifier]: version },
    npm: { [id]: { integrity } },
  };
  await Deno.writeTextFile(path, JSON.stringify(lock));
  return path;
}

/** Deno's reason of a failed import, in one line without the stack. */
function reasonIn(stderr: string): string {
  const [message = ""] = stderr.split(/^Stack backtrace:|^ +at /m);
  return message.replace(/^error: (?:Uncaught \(in promise\) )?(?:\w*Error: )?/, "")
    .split(/\n\s*(?:\d+: )?/).filter((line) => line !== "").join(": ");
}
