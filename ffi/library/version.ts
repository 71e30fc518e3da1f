/** The version of llama.cpp that the symbols and structs here are generated from. */
export const LLAMA_VERSION = "0.5.0";
