/**
 * Builds ggml's OpenCL backend, which nobody publishes for this version, from the pinned source, and puts
 * it into a copy of the prebuilt libraries:
 *
 *     deno task build:opencl [FOLDER]        # default: dist/opencl
 *     SHIMMY_LIBLLAMA=dist/opencl shimmy gpu-info --gpu-backend opencl
 *
 * It takes git, npm, cmake, a C++ compiler, Python 3, OpenCL's headers and its loader; on Debian:
 * `apt install git npm cmake g++ python3 opencl-headers ocl-icd-opencl-dev`. `SHIMMY_LLAMA_SOURCE` names a
 * source tree of that version that is there already.
 */
import { basename, join, resolve } from "@std/path";
import { findRuntime } from "../src/runtime/mod.ts";
import { SourceError, withLlamaSource } from "./ffi/source.ts";
import { LLAMA_LICENCE } from "./licences.ts";

const EXTENSION = { windows: "dll", darwin: "dylib" } as const;
const { os, arch } = Deno.build;
const library = `${os === "windows" ? "" : "lib"}ggml-opencl.${
  os === "windows" || os === "darwin" ? EXTENSION[os] : "so"
}`;

/** Beside the prebuilt libraries it must want their names, which have no version, and look beside itself. */
const SETTINGS = [
  "CMAKE_BUILD_TYPE=Release",
  "CMAKE_PLATFORM_NO_VERSIONED_SONAME=ON",
  "CMAKE_BUILD_WITH_INSTALL_RPATH=ON",
  `CMAKE_INSTALL_RPATH=${os === "darwin" ? "@loader_path" : "$ORIGIN"}`,
  "BUILD_SHARED_LIBS=ON",
  "GGML_BACKEND_DL=ON",
  "GGML_NATIVE=OFF",
  "GGML_OPENCL=ON",
  // Those kernels are for Qualcomm's GPUs alone, and without them Intel's work too.
  `GGML_OPENCL_USE_ADRENO_KERNELS=${arch === "aarch64" ? "ON" : "OFF"}`,
  "LLAMA_BUILD_COMMON=OFF",
  "LLAMA_BUILD_EXAMPLES=OFF",
  "LLAMA_BUILD_SERVER=OFF",
  "LLAMA_BUILD_TESTS=OFF",
  "LLAMA_BUILD_TOOLS=OFF",
];

/** @throws {SourceError} where a program is missing or fails. */
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

/** Builds the backend. @returns its file, below `build`. */
async function buildBackend(source: string, build: string): Promise<string> {
  await run("cmake", ["-S", source, "-B", build, ...SETTINGS.map((one) => `-D${one}`)]);
  const jobs = String(Math.max(1, navigator.hardwareConcurrency));
  const target = ["--build", build, "--config", "Release", "--target", "ggml-opencl", "-j", jobs];
  await run("cmake", target);
  for (const folder of [join(build, "bin"), join(build, "bin", "Release")]) {
    const file = join(folder, library);
    if (await Deno.stat(file).then(() => true, () => false)) return file;
  }
  throw new SourceError(`The build left no ${library}`);
}

const folder = resolve(Deno.args[0] ?? join("dist", "opencl"));
const build = await Deno.makeTempDir({ prefix: "shimmy-opencl-" });
try {
  const prebuilt = await findRuntime({ variant: "cpu", folder: "" });
  await Deno.mkdir(folder, { recursive: true });
  const file = await withLlamaSource([], async ({ folder: source }) => {
    await Deno.copyFile(join(source, "LICENSE"), join(folder, LLAMA_LICENCE));
    return await buildBackend(source, build);
  });
  for await (const { name, isFile } of Deno.readDir(prebuilt.folder)) {
    if (isFile) await Deno.copyFile(join(prebuilt.folder, name), join(folder, name));
  }
  await Deno.copyFile(file, join(folder, basename(file)));
  console.log(folder);
} catch (error) {
  if (!(error instanceof SourceError)) throw error;
  console.error(`build:opencl: ${error.message}`);
  Deno.exitCode = 1;
} finally {
  await Deno.remove(build, { recursive: true });
}
