import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { readOnlyMappings, releaseMappedPages } from "./mapped_files.ts";
import { readSystemFile } from "./system_file.ts";

const MEGABYTE = 2 ** 20;

Deno.test("only read-only mappings of the files are found", () => {
  const maps = [
    "7f0000000000-7f0000003000 r--s 00000000 fe:00 42                         /models/a model.gguf",
    "7f0000003000-7f0000004000 rw-p 00003000 fe:00 42                         /models/a model.gguf",
    "7f0000010000-7f0000011000 r--p 00000000 fe:00 43                         /models/other.gguf",
    "7f0000020000-7f0000021000 r--p 00000000 00:00 0 ",
    "",
  ].join("\n");
  assertEquals(readOnlyMappings(maps, new Set(["/models/a model.gguf"])), [
    { start: 0x7f0000000000n, end: 0x7f0000003000n },
  ]);
});

Deno.test({
  name: "pages of a mapped file are released and read again on access",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const path = Deno.makeTempFileSync();
    const length = 16 * MEGABYTE;
    Deno.writeFileSync(path, new Uint8Array(length).fill(7));
    const libc = Deno.dlopen("libc.so.6", {
      mmap: {
        parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
        result: "pointer",
      },
      munmap: { parameters: ["pointer", "usize"], result: "i32" },
      open: { parameters: ["buffer", "i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
    });
    const descriptor = libc.symbols.open(new TextEncoder().encode(`${path}\0`), 0);
    const [forReading, shared] = [1, 1];
    const mapped = libc.symbols.mmap(null, BigInt(length), forReading, shared, descriptor, 0n)!;
    try {
      const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(mapped, length));
      const sum = () => bytes.reduce((total, byte) => total + byte, 0);
      assertEquals(sum(), 7 * length);
      const before = residentFileBytes();
      releaseMappedPages([path]);
      assertGreater(before - residentFileBytes(), length - 4 * MEGABYTE);
      assertEquals(sum(), 7 * length);
      assertLess(before - residentFileBytes(), 4 * MEGABYTE);
    } finally {
      libc.symbols.munmap(mapped, BigInt(length));
      libc.symbols.close(descriptor);
      libc.close();
      Deno.removeSync(path);
    }
  },
});

function residentFileBytes(): number {
  return Number(/^RssFile:\s+(\d+) kB/m.exec(readSystemFile("/proc/self/status")!)![1]) * 1024;
}
