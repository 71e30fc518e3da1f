/** Copyright line of llama.cpp and ggml, from their LICENSE; `deno task ffi:check` compares it. */
const GGML_HOLDER = "Copyright (c) 2023-2026 The ggml authors";

/** Name of the licence file, as in llama.cpp's releases. */
export const LLAMA_LICENCE = "LICENSE";
/** Name of the licence file of the npm packages with the libraries. */
export const PACKAGE_LICENCE = "LICENSE.node-llama-cpp";

/**
 * The licence of llama.cpp and ggml, derived from the MIT licence of the npm packages: the packages with
 * their libraries contain only the licence of the packages.
 *
 * @throws {Error} if no line of the text names the copyright holder.
 */
export function llamaLicence(mit: string): string {
  const holder = /^Copyright \(c\) .*$/m;
  if (!mit.startsWith("MIT License") || !holder.test(mit)) {
    throw new Error("Cannot make llama.cpp's licence: the text is not that of the MIT licence");
  }
  return mit.replace(holder, GGML_HOLDER);
}
