/**
 * Builds ggml's RPC backend from the pinned source and adds it to a copy of the prebuilt libraries. The npm
 * packages of the libraries lack it.
 *
 *     deno task build:rpc [FOLDER] [--variant cpu|vulkan|cuda|metal]    # default: dist/rpc, cpu
 *     SHIMMY_LIBLLAMA=dist/rpc shimmy rpc-serve
 *
 * Requires git, npm, cmake and a C++ compiler, and takes about half a minute. Works on Linux and macOS.
 * `SHIMMY_LLAMA_SOURCE` names an existing source tree of that version.
 */
import { join } from "node:path";
import { backendFile } from "./backend_file.ts";
import { buildBesidePrebuilt } from "./beside_prebuilt.ts";
import { buildBeside } from "./cmake.ts";
import { buildArguments } from "./build_arguments.ts";
import { importedLibraries } from "./imported_libraries.ts";

/**
 * A CMake project that builds the backend alone.
 *
 * @param source source tree of llama.cpp
 * @param libraries folder of the published libraries
 */
function project(source: string, libraries: string): string {
  return `cmake_minimum_required(VERSION 3.18)
project(ggml-rpc C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(Threads REQUIRED)
${importedLibraries(source, libraries)}
# What ggml's own project does for a backend that is loaded at run time.
function(ggml_add_backend_library backend)
  add_library(\${backend} MODULE \${ARGN})
  target_compile_definitions(\${backend} PRIVATE GGML_BACKEND_DL GGML_BACKEND_BUILD GGML_BACKEND_SHARED)
  target_include_directories(\${backend} PRIVATE "${source}/ggml/src")
  target_link_libraries(\${backend} PRIVATE ggml-base Threads::Threads)
endfunction()
add_subdirectory("${source}/ggml/src/ggml-rpc" bin)
`;
}

/** Without RDMA: connections pass through relays, which are TCP. */
const SETTINGS = ["GGML_RPC_RDMA=OFF"];

/** Builds the backend below `build`. @returns the path of its file. */
async function buildBackend(source: string, libraries: string, build: string): Promise<string> {
  const own = join(build, "project");
  await Deno.mkdir(own);
  await Deno.writeTextFile(join(own, "CMakeLists.txt"), project(source, libraries));
  const folder = join(build, "build");
  const targets = ["ggml-rpc"];
  return await backendFile(
    await buildBeside({ source: own, folder, settings: SETTINGS, targets }),
    "rpc",
  );
}

const { folder, variant } = buildArguments(join("dist", "rpc"));
await buildBesidePrebuilt(
  "build:rpc",
  folder,
  variant,
  ({ source, prebuilt, build }) => buildBackend(source, prebuilt, build),
);
