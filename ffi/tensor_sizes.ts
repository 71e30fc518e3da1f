import { NativeError } from "./error.ts";
import { GgufInitParams } from "./generated/structs.ts";
import type { Library } from "./library.ts";
import { cString, readCString } from "./memory.ts";

/** A tensor of a file. */
export interface TensorSize {
  readonly name: string;
  readonly bytes: number;
}

/**
 * The tensors of a GGUF file, without reading their weights.
 * @throws {NativeError} if it is no such file.
 */
export function tensorSizes(library: Library, path: string): TensorSize[] {
  const { ggml } = library;
  const parameters = new GgufInitParams();
  parameters.no_alloc = true;
  const file = ggml.gguf_init_from_file(cString(path), parameters.bytes);
  if (file === null) {
    throw new NativeError("gguf_init_from_file", null, "The file's head cannot be read");
  }
  try {
    return Array.from({ length: Number(ggml.gguf_get_n_tensors(file)) }, (_, index) => ({
      name: readCString(ggml.gguf_get_tensor_name(file, BigInt(index))) ?? "",
      bytes: Number(ggml.gguf_get_tensor_size(file, BigInt(index))),
    }));
  } finally {
    ggml.gguf_free(file);
  }
}
