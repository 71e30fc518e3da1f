import { join } from "node:path";
import { SourceError } from "../ffi/source.ts";

/** A build of a source tree. */
export interface CmakeBuild {
  readonly source: string;
  /** Folder for intermediate files. */
  readonly folder: string;
  /** CMake definitions, `NAME=VALUE`. */
  readonly settings: readonly string[];
  readonly targets: readonly string[];
}

/** Programs find the published libraries, whose names have no version, in their own folder. */
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
 * Builds targets of llama.cpp that use the published libraries in the same folder.
 *
 * @returns the folder with the built files.
 * @throws {SourceError} if a program is missing or the build fails.
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
