/**
 * Builds ggml's OpenCL backend from the pinned source and adds it to a copy of the prebuilt libraries. No
 * OpenCL backend is published for this version.
 *
 *     deno task build:opencl [FOLDER]        # default: dist/opencl
 *     SHIMMY_LIBLLAMA=dist/opencl shimmy gpu-info --gpu-backend opencl
 *
 * Requires git, npm, cmake, a C++ compiler, Python 3, OpenCL's headers and its loader. On Debian:
 * `apt install git npm cmake g++ python3 opencl-headers ocl-icd-opencl-dev`. `SHIMMY_LLAMA_SOURCE` names an
 * existing source tree of that version.
 */
import { join } from "node:path";
import { backendFile } from "./backend_file.ts";
import { buildBesidePrebuilt } from "./beside_prebuilt.ts";
import { buildBeside } from "./cmake.ts";

const { arch } = Deno.build;

const SETTINGS = [
  "GGML_OPENCL=ON",
  // The Adreno kernels work on Qualcomm's GPUs only. Without them, Intel's GPUs work too.
  `GGML_OPENCL_USE_ADRENO_KERNELS=${arch === "aarch64" ? "ON" : "OFF"}`,
  "LLAMA_BUILD_COMMON=OFF",
  "LLAMA_BUILD_SERVER=OFF",
  "LLAMA_BUILD_TOOLS=OFF",
];

/** Builds the backend below `folder`. @returns the path of its file. */
async function buildBackend(source: string, folder: string): Promise<string> {
  const built = await buildBeside({ source, folder, settings: SETTINGS, targets: ["ggml-opencl"] });
  return await backendFile(built, "opencl");
}

await buildBesidePrebuilt(
  "build:opencl",
  Deno.args[0] ?? join("dist", "opencl"),
  () => "cpu",
  ({ source, build }) => buildBackend(source, build),
);
