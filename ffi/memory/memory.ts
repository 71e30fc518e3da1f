/** Conversion of text, arrays and addresses between JavaScript and C. */

const encoder = new TextEncoder();

/** JavaScript memory that C can point to, including shared memory. */
export type Memory = ArrayBuffer | ArrayBufferView<ArrayBufferLike>;

/** UTF-8 bytes of a text with a terminating NUL. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  // Copy into unshared memory: the types of Deno 2.4 do not guarantee that of the encoder.
  return new Uint8Array(encoder.encode(`${text}\0`));
}

/** Text at a `const char *`; `null` for a null pointer. Invalid UTF-8 becomes U+FFFD. */
export function readCString(pointer: Deno.PointerValue): string | null {
  return pointer === null ? null : Deno.UnsafePointerView.getCString(pointer);
}

/**
 * Address of a buffer, for a struct field.
 *
 * Does not keep the buffer alive: the caller must keep a reference while C may read it. An empty
 * buffer has address 0.
 */
export function address(memory: Memory): bigint {
  return Deno.UnsafePointer.value(pointerTo(memory));
}

/** A pointer to a buffer, under the same conditions as {@linkcode address}. */
export function pointerTo(memory: Memory): Deno.PointerValue {
  // Deno accepts views of shared memory, although its types do not.
  return Deno.UnsafePointer.of(memory as BufferSource);
}

/** Pointer for an address read from a struct; 0 is null. */
export function pointerAt(value: bigint): Deno.PointerValue {
  return Deno.UnsafePointer.create(value);
}

/** An array of pointers for C that keeps their targets alive. */
export class PointerArray {
  /** The addresses as bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The memory that the addresses point to. */
  readonly keep: readonly Memory[];

  /**
   * @param items buffers, whose addresses are taken, or pointers
   * @param terminated end the array with a null pointer
   */
  constructor(items: readonly (Memory | Deno.PointerValue)[], terminated = false) {
    const addresses = new BigUint64Array(items.length + (terminated ? 1 : 0));
    const keep: Memory[] = [];
    items.forEach((item, index) => {
      if (isMemory(item)) {
        keep.push(item);
        addresses[index] = address(item);
      } else {
        addresses[index] = Deno.UnsafePointer.value(item);
      }
    });
    this.bytes = new Uint8Array(addresses.buffer);
    this.keep = keep;
  }

  /** A `const char **` of the texts. */
  static ofStrings(texts: readonly string[], terminated = false): PointerArray {
    return new PointerArray(texts.map(cString), terminated);
  }
}

function isMemory(item: Memory | Deno.PointerValue): item is Memory {
  return item instanceof ArrayBuffer || ArrayBuffer.isView(item);
}

/**
 * Floats at a `float *`, without copying.
 *
 * The array is the native memory: do not use it after C has freed or overwritten it.
 *
 * @param length number of floats
 */
export function floatsAt(pointer: Deno.PointerObject, length: number): Float32Array<ArrayBuffer> {
  return new Float32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length * 4));
}

/** 32-bit integers at a pointer, e.g. token ids, as {@linkcode floatsAt}. */
export function integersAt(pointer: Deno.PointerObject, length: number): Int32Array<ArrayBuffer> {
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length * 4));
}

/** Bytes at a pointer, as {@linkcode floatsAt}. */
export function bytesAt(pointer: Deno.PointerObject, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length));
}
