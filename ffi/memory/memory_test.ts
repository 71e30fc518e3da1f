import { assertEquals, assertNotEquals } from "@std/assert";
import {
  address,
  bytesAt,
  cString,
  floatsAt,
  integersAt,
  PointerArray,
  pointerAt,
  pointerTo,
  readCString,
} from "./memory.ts";

Deno.test("text round-trips through C", () => {
  const text = cString("Grüße 🦊");
  assertEquals(text.at(-1), 0);
  assertEquals(readCString(pointerTo(text)), "Grüße 🦊");
  assertEquals(readCString(null), null);
});

Deno.test("native memory is read in place, without a copy", () => {
  const floats = new Float32Array([1.5, -2]);
  const seen = floatsAt(pointerTo(floats)!, 2);
  floats[1] = 4;
  assertEquals([...seen], [1.5, 4]);
  assertEquals([...integersAt(pointerTo(new Int32Array([-7]))!, 1)], [-7]);
  assertEquals([...bytesAt(pointerTo(new Uint8Array([1, 255]))!, 2)], [1, 255]);
});

Deno.test("the address of a buffer is its pointer value, also for shared memory", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(8), 4);
  shared[0] = 42;
  assertEquals([...bytesAt(pointerAt(address(shared))!, 1)], [42]);
  assertEquals(pointerAt(0n), null);
});

Deno.test("an array of pointers has the addresses of texts and keeps them alive", () => {
  const array = PointerArray.ofStrings(["one", "two"], true);
  const addresses = new BigUint64Array(array.bytes.buffer);
  assertEquals(addresses.length, 3);
  assertEquals(readCString(pointerAt(addresses[1]!)), "two");
  assertEquals(addresses[2], 0n);
  assertEquals(array.keep.length, 2);
});

Deno.test("an array accepts pointers", () => {
  const target = new Uint8Array(1);
  const array = new PointerArray([pointerTo(target), null]);
  const addresses = new BigUint64Array(array.bytes.buffer);
  assertNotEquals(addresses[0], 0n);
  assertEquals([...addresses], [address(target), 0n]);
});
