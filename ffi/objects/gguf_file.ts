import { NativeError } from "../library/error.ts";
import { GGUF_TYPE } from "../generated/enums.ts";
import { GgufInitParams } from "../generated/structs.ts";
import type { Library } from "../library/library.ts";
import { bytesAt, cString, readCString } from "../memory/memory.ts";

/** A tensor of a file. */
export interface TensorSize {
  readonly name: string;
  readonly bytes: number;
}

/** A tensor, and where its values lie in the file. */
export interface FileTensor extends TensorSize {
  /** `GGML_TYPE`. */
  readonly type: number;
  /** Elements in each dimension, the fastest one first; trailing ones are left out. */
  readonly shape: readonly number[];
  /** From the file's first byte. */
  readonly offset: number;
}

/** `GGML_MAX_DIMS` of ggml.h. */
const MAX_DIMENSIONS = 4;

/** The head of a GGUF file, without its weights. */
export class GgufFile implements Disposable {
  readonly #library: Library;
  #handle: Deno.PointerValue;

  private constructor(library: Library, handle: Deno.PointerObject) {
    this.#library = library;
    this.#handle = handle;
  }

  /** @throws {NativeError} if it is no such file. */
  static open(library: Library, path: string): GgufFile {
    const parameters = new GgufInitParams();
    parameters.no_alloc = true;
    const handle = library.ggml.gguf_init_from_file(cString(path), parameters.bytes);
    if (handle === null) {
      throw new NativeError("gguf_init_from_file", null, "The file's head cannot be read");
    }
    return new GgufFile(library, handle);
  }

  get #open(): Deno.PointerObject {
    if (this.#handle === null) throw new Error("Cannot read the file's head: it is closed");
    return this.#handle;
  }

  /** `GGUF_TYPE` of a value of the metadata; null where there is none. */
  typeOf(key: string): number | null {
    const { ggml } = this.#library;
    const index = ggml.gguf_find_key(this.#open, cString(key));
    return index < 0n ? null : ggml.gguf_get_kv_type(this.#open, index);
  }

  /** A text of the metadata; null where there is none. */
  text(key: string): string | null {
    // The library ends the process where it is asked for a text that is none.
    if (this.typeOf(key) !== GGUF_TYPE.STRING) return null;
    const { ggml } = this.#library;
    const index = ggml.gguf_find_key(this.#open, cString(key));
    return readCString(ggml.gguf_get_val_str(this.#open, index));
  }

  /** The tensors in the order in which they lie in the file. */
  tensors(): FileTensor[] {
    const { ggml } = this.#library;
    const data = Number(ggml.gguf_get_data_offset(this.#open));
    return Array.from({ length: Number(ggml.gguf_get_n_tensors(this.#open)) }, (_, at) => {
      const index = BigInt(at);
      return {
        name: readCString(ggml.gguf_get_tensor_name(this.#open, index)) ?? "",
        bytes: Number(ggml.gguf_get_tensor_size(this.#open, index)),
        type: ggml.gguf_get_tensor_type(this.#open, index),
        shape: shapeAt(ggml.gguf_get_tensor_ne(this.#open, index)),
        offset: data + Number(ggml.gguf_get_tensor_offset(this.#open, index)),
      };
    });
  }

  close(): void {
    if (this.#handle === null) return;
    this.#library.ggml.gguf_free(this.#handle);
    this.#handle = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function shapeAt(pointer: Deno.PointerValue): number[] {
  if (pointer === null) return [];
  const bytes = bytesAt(pointer, MAX_DIMENSIONS * 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from(
    { length: MAX_DIMENSIONS },
    (_, at) => Number(view.getBigInt64(at * 8, true)),
  );
  while (shape.length > 1 && shape.at(-1) === 1) shape.pop();
  return shape;
}

/**
 * The tensors of a GGUF file, without reading their weights.
 * @throws {NativeError} if it is no such file.
 */
export function tensorSizes(library: Library, path: string): TensorSize[] {
  using file = GgufFile.open(library, path);
  return file.tensors().map(({ name, bytes }) => ({ name, bytes }));
}
