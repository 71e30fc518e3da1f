import { NativeError } from "../library/error.ts";
import { GGUF_TYPE } from "../generated/enums.ts";
import { GgufInitParams } from "../generated/structs.ts";
import type { Library } from "../library/library.ts";
import { bytesAt, cString, readCString } from "../memory/memory.ts";

/** Name and size of a tensor in a file. */
export interface TensorSize {
  readonly name: string;
  readonly bytes: number;
}

/** A tensor with the position of its data in the file. */
export interface FileTensor extends TensorSize {
  /** `GGML_TYPE`. */
  readonly type: number;
  /** Number of elements per dimension, fastest first, without trailing ones. */
  readonly shape: readonly number[];
  /** Offset from the beginning of the file. */
  readonly offset: number;
}

/** `GGML_MAX_DIMS` of ggml.h. */
const MAX_DIMENSIONS = 4;

/** Metadata of a GGUF file, without its weights. */
export class GgufFile implements Disposable {
  readonly #library: Library;
  #handle: Deno.PointerValue;

  private constructor(library: Library, handle: Deno.PointerObject) {
    this.#library = library;
    this.#handle = handle;
  }

  /** @throws {NativeError} if the file is not GGUF. */
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

  /** `GGUF_TYPE` of a metadata value; null if the key does not exist. */
  typeOf(key: string): number | null {
    const { ggml } = this.#library;
    const index = ggml.gguf_find_key(this.#open, cString(key));
    return index < 0n ? null : ggml.gguf_get_kv_type(this.#open, index);
  }

  /** Text of a metadata value; null if it does not exist or is not text. */
  text(key: string): string | null {
    // libllama aborts if a value that is not text is read as text.
    if (this.typeOf(key) !== GGUF_TYPE.STRING) return null;
    const { ggml } = this.#library;
    const index = ggml.gguf_find_key(this.#open, cString(key));
    return readCString(ggml.gguf_get_val_str(this.#open, index));
  }

  /** Tensors in the order of the file. */
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
 * Names and sizes of the tensors of a GGUF file, without reading weights.
 * @throws {NativeError} if the file is not GGUF.
 */
export function tensorSizes(library: Library, path: string): TensorSize[] {
  using file = GgufFile.open(library, path);
  return file.tensors().map(({ name, bytes }) => ({ name, bytes }));
}
