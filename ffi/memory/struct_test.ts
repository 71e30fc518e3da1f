import { assertEquals, assertThrows } from "@std/assert";
import { defineStruct } from "./struct.ts";

const Inner = defineStruct("inner", 4, { value: { offset: 0, type: "i32" } });
const Sample = defineStruct("sample", 64, {
  flag: { offset: 0, type: "bool" },
  small: { offset: 1, type: "u8" },
  integer: { offset: 4, type: "i32" },
  count: { offset: 8, type: "u32" },
  ratio: { offset: 12, type: "f32" },
  big: { offset: 16, type: "i64" },
  real: { offset: 16, type: "f64" },
  address: { offset: 24, type: "pointer" },
  size: { offset: 32, type: "usize" },
  name: { offset: 40, type: "bytes", size: 8 },
  inner: { offset: 48, type: "struct", of: Inner },
});

Deno.test("a field reads back the written value, in C layout", () => {
  const sample = new Sample();
  sample.flag = true;
  sample.small = 255;
  sample.integer = -2;
  sample.count = 0xffffffff;
  sample.ratio = 0.5;
  sample.big = -1n;
  sample.address = 0x7fff_0000_0001n;
  sample.size = 2n ** 63n;
  assertEquals(
    [sample.flag, sample.small, sample.integer, sample.count, sample.ratio, sample.big],
    [true, 255, -2, 0xffffffff, 0.5, -1n],
  );
  assertEquals([sample.address, sample.size], [0x7fff_0000_0001n, 2n ** 63n]);
  assertEquals([...sample.bytes.subarray(0, 12)], [
    1,
    255,
    0,
    0,
    254,
    255,
    255,
    255,
    255,
    255,
    255,
    255,
  ]);
  assertEquals([...sample.bytes.subarray(24, 32)], [1, 0, 0, 0, 255, 127, 0, 0]);
});

Deno.test("members of a union share their bytes", () => {
  const sample = new Sample();
  sample.real = 1;
  assertEquals(sample.big, 0x3ff0_0000_0000_0000n);
});

Deno.test("a struct is a view of the given bytes at any offset", () => {
  const memory = new Uint8Array(80);
  memory[8 + 4] = 7;
  const sample = new Sample(memory.subarray(8, 72));
  assertEquals(sample.integer, 7);
  sample.inner.value = 9;
  assertEquals(memory[8 + 48], 9);
  sample.inner = new Inner(new Uint8Array([3, 0, 0, 0]));
  assertEquals(sample.inner.value, 3);
});

Deno.test("a byte array is replaced as a whole and never overrun", () => {
  const sample = new Sample();
  sample.name = new Uint8Array([1, 2, 3]);
  sample.name = new Uint8Array([4]);
  assertEquals([...sample.name], [4, 0, 0, 0, 0, 0, 0, 0]);
  assertThrows(() => sample.name = new Uint8Array(9), RangeError, "sample.name");
});

Deno.test("bytes of a wrong size are refused", () => {
  assertThrows(() => new Sample(new Uint8Array(63)), RangeError, "sample: it takes 64 bytes");
});
