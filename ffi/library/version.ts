/** Version of llama.cpp from which the symbols and structs are generated. */
export const LLAMA_VERSION = "0.5.0";
