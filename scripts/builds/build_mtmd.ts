/**
 * Builds libmtmd, which reads images and audio, from the pinned source and adds it to a copy of the prebuilt
 * libraries. The npm packages of the libraries lack it.
 *
 *     deno task build:mtmd [FOLDER] [--variant cpu|vulkan|cuda|metal]    # default: dist/mtmd, cpu
 *     SHIMMY_LIBLLAMA=dist/mtmd shimmy serve
 *
 * Requires git, npm, cmake and a C++ compiler, and takes about two minutes on two cores. Works on Linux and
 * macOS. `SHIMMY_LLAMA_SOURCE` names an existing source tree of that version.
 */
import { join } from "node:path";
import { locateMediaLibrary } from "../../ffi/library/locate.ts";
import { LLAMA_VERSION } from "../../ffi/library/version.ts";
import { buildBesidePrebuilt } from "./beside_prebuilt.ts";
import { buildArguments } from "./build_arguments.ts";
import { buildBeside } from "./cmake.ts";
import { importedLibraries } from "./imported_libraries.ts";
import { SourceError } from "../ffi/source.ts";

const { os } = Deno.build;

/**
 * A statement of `tools/mtmd/models/pixtral.cpp`, and what it must be. It clears memory by a product with zero, which
 * is not a number where the memory holds the bits of no number. Then a picture has rows that no model can read.
 */
const MENDED = {
  from: "ggml_scale(ctx0, tok, 0.0)",
  to: "ggml_fill(ctx0, tok, 0.0f)",
} as const;

/** Writes the mended file into a folder. @returns its path. */
async function mend(source: string, folder: string): Promise<string> {
  const text = await Deno.readTextFile(join(source, "tools", "mtmd", "models", "pixtral.cpp"));
  if (!text.includes(MENDED.from)) throw new SourceError("pixtral.cpp is not as expected");
  const file = join(folder, "pixtral.cpp");
  await Deno.writeTextFile(file, text.replace(MENDED.from, MENDED.to));
  return file;
}

/**
 * A CMake project that links libmtmd with published libraries. It then names them as its dependencies, and
 * nothing else is compiled.
 *
 * @param source source tree of llama.cpp
 * @param libraries folder of the published libraries
 * @param mended the mended file
 */
function project(source: string, libraries: string, mended: string): string {
  return `cmake_minimum_required(VERSION 3.18)
project(libmtmd C CXX)
set(LLAMA_VERSION_BASE ${LLAMA_VERSION})
set(LLAMA_VERSION_MAJOR ${LLAMA_VERSION.split(".")[0]})
# Only adds warnings.
function(llama_add_compile_flags)
endfunction()
${importedLibraries(source, libraries)}
add_subdirectory("${source}/vendor" vendor)
add_subdirectory("${source}/tools/mtmd" bin)
get_target_property(files mtmd SOURCES)
list(REMOVE_ITEM files models/pixtral.cpp)
list(APPEND files "${mended}")
set_target_properties(mtmd PROPERTIES SOURCES "\${files}")
target_include_directories(mtmd PRIVATE "${source}/tools/mtmd/models")
`;
}

/** Without video: that runs ffmpeg on bytes that are no image. */
const SETTINGS = ["MTMD_VIDEO=OFF"];

/** Builds libmtmd below `build`. @returns the path of its file. */
async function buildLibrary(source: string, libraries: string, build: string): Promise<string> {
  const own = join(build, "project");
  await Deno.mkdir(own);
  const mended = await mend(source, own);
  await Deno.writeTextFile(join(own, "CMakeLists.txt"), project(source, libraries, mended));
  const built = await buildBeside({
    source: own,
    folder: join(build, "build"),
    settings: SETTINGS,
    targets: ["mtmd"],
  });
  const file = locateMediaLibrary(built, os);
  if (file === null) throw new SourceError("The build did not create libmtmd");
  return file;
}

const { folder, variant } = buildArguments(join("dist", "mtmd"));
await buildBesidePrebuilt(
  "build:mtmd",
  folder,
  variant,
  ({ source, prebuilt, build }) => buildLibrary(source, prebuilt, build),
);
