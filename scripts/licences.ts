/** Who llama.cpp and ggml belong to, as their own LICENSE says; `deno task ffi:check` compares it. */
const GGML_HOLDER = "Copyright (c) 2023-2026 The ggml authors";

/** What llama.cpp's releases call the file, too. */
export const LLAMA_LICENCE = "LICENSE";
/** Of the npm packages that the libraries come in. */
export const PACKAGE_LICENCE = "LICENSE.node-llama-cpp";

/**
 * The licence of llama.cpp and ggml, made from another project's MIT licence: the npm packages that
 * hold their libraries bring no text but that of the packages.
 *
 * @throws {Error} where the text names no holder in a line of its own.
 */
export function llamaLicence(mit: string): string {
  const holder = /^Copyright \(c\) .*$/m;
  if (!mit.startsWith("MIT License") || !holder.test(mit)) {
    throw new Error("Cannot make llama.cpp's licence: the text is not that of the MIT licence");
  }
  return mit.replace(holder, GGML_HOLDER);
}
