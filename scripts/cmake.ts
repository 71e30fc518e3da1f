import { join } from "@std/path";
import { SourceError } from "./ffi/source.ts";

/** What to make of a source tree. */
export interface CmakeBuild {
  readonly source: string;
  /** Where everything that is made on the way lies. */
  readonly folder: string;
  /** `NAME=VALUE`. */
  readonly settings: readonly string[];
  readonly targets: readonly string[];
}

/** What is built finds its libraries beside itself, under names that have no version: those that are published. */
const BESIDE = [
  "CMAKE_BUILD_TYPE=Release",
  "CMAKE_PLATFORM_NO_VERSIONED_SONAME=ON",
  "CMAKE_BUILD_WITH_INSTALL_RPATH=ON",
  `CMAKE_INSTALL_RPATH=${Deno.build.os === "darwin" ? "@loader_path" : "$ORIGIN"}`,
  "BUILD_SHARED_LIBS=ON",
  "GGML_BACKEND_DL=ON",
  "GGML_NATIVE=OFF",
  "LLAMA_BUILD_EXAMPLES=OFF",
  "LLAMA_BUILD_TESTS=OFF",
];

/**
 * Builds targets of llama.cpp that work beside the published libraries.
 *
 * @returns the folder with what was built
 * @throws {SourceError} where a program is missing or the build fails
 */
export async function buildBeside(build: CmakeBuild): Promise<string> {
  const { source, folder, targets } = build;
  const settings = [...BESIDE, ...build.settings].map((one) => `-D${one}`);
  await run("cmake", ["-S", source, "-B", folder, ...settings]);
  const jobs = String(Math.max(1, navigator.hardwareConcurrency));
  await run("cmake", [
    ...["--build", folder, "--config", "Release", "-j", jobs],
    ...["--target", ...targets],
  ]);
  const ofConfig = join(folder, "bin", "Release");
  return await Deno.stat(ofConfig).then(() => ofConfig, () => join(folder, "bin"));
}

async function run(program: string, args: readonly string[]): Promise<void> {
  let status: Deno.CommandStatus;
  try {
    status = await new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null" })
      .spawn().status;
  } catch (cause) {
    throw new SourceError(`${program} is missing`, { cause });
  }
  if (!status.success) throw new SourceError(`${program} ${args[0]} failed`);
}
