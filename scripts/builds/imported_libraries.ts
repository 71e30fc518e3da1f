import { locateLibrary } from "../../ffi/library/locate.ts";

/**
 * Statements of CMake that declare the published libraries as the targets `ggml-base`, `ggml` and `llama`, so
 * that a library of the source links with them and none of them is compiled.
 *
 * @param source source tree of llama.cpp
 * @param libraries folder of the published libraries
 */
export function importedLibraries(source: string, libraries: string): string {
  const { llama, ggml, ggmlBase } = locateLibrary(libraries, Deno.build.os);
  const imported = (target: string, file: string, definitions: string, needs = "") =>
    `add_library(${target} SHARED IMPORTED)
set_target_properties(${target} PROPERTIES
  IMPORTED_LOCATION "${file}"
  INTERFACE_INCLUDE_DIRECTORIES "${source}/include;${source}/ggml/include"
  INTERFACE_COMPILE_DEFINITIONS "${definitions}"
  INTERFACE_LINK_LIBRARIES "${needs}")
`;
  return imported("ggml-base", ggmlBase, "GGML_SHARED") +
    imported("ggml", ggml, "GGML_SHARED;GGML_BACKEND_SHARED", "ggml-base") +
    imported("llama", llama, "LLAMA_SHARED", "ggml");
}
