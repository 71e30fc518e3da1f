/** Text, arrays and addresses between JavaScript and C. */

const encoder = new TextEncoder();

/** Memory of ours that C can be pointed to, also when two threads share it. */
export type Memory = ArrayBuffer | ArrayBufferView<ArrayBufferLike>;

/** The UTF-8 bytes of a text with a NUL at the end. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  // A copy, whose memory is surely not shared: Deno 2.4 does not say that of the encoder's.
  return new Uint8Array(encoder.encode(`${text}\0`));
}

/** The text at a `const char *`, or `null` where the pointer is null. Broken UTF-8 becomes U+FFFD. */
export function readCString(pointer: Deno.PointerValue): string | null {
  return pointer === null ? null : Deno.UnsafePointerView.getCString(pointer);
}

/**
 * The address of a buffer, for a field of a struct.
 *
 * It does not keep the buffer alive: whoever stores it keeps a reference for as long as C may read it.
 * An empty buffer has the address 0.
 */
export function address(memory: Memory): bigint {
  return Deno.UnsafePointer.value(pointerTo(memory));
}

/** A pointer to a buffer, under the same conditions as {@linkcode address}. */
export function pointerTo(memory: Memory): Deno.PointerValue {
  // Deno takes views of shared memory too, though its declaration leaves them out.
  return Deno.UnsafePointer.of(memory as BufferSource);
}

/** A pointer that was read from a struct; 0 is null. */
export function pointerAt(value: bigint): Deno.PointerValue {
  return Deno.UnsafePointer.create(value);
}

/** An array of pointers for C, which keeps alive what it points to. */
export class PointerArray {
  /** The addresses one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the addresses belong to. */
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
 * The floats at a `float *`, without copying.
 *
 * The array is the native memory itself: it must not be touched once C has freed or rewritten it.
 *
 * @param length number of floats
 */
export function floatsAt(pointer: Deno.PointerObject, length: number): Float32Array<ArrayBuffer> {
  return new Float32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length * 4));
}

/** The 32-bit integers at a pointer, such as token ids, as {@linkcode floatsAt} does. */
export function integersAt(pointer: Deno.PointerObject, length: number): Int32Array<ArrayBuffer> {
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length * 4));
}

/** The bytes at a pointer, as {@linkcode floatsAt} does. */
export function bytesAt(pointer: Deno.PointerObject, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length));
}
