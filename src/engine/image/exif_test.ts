import { assertEquals } from "@std/assert";
import { exifData, pngWithExif, prefixedExif, webpWithExif } from "../../../tests/support/exif.ts";
import { joined, pattern, png, pngChunk } from "../../../tests/support/pictures.ts";
import { webp, webpChunk } from "../../../tests/support/webp.ts";
import { exifOfPng, exifOfSegment, exifOfWebp } from "./exif.ts";

const EXIF = exifData(6);
const SIZE = [30, 20] as const;
const paint = pattern(1);

Deno.test("Exif data are found before and behind the pixels of a PNG file", () => {
  const file = png(...SIZE, paint);
  assertEquals(exifOfPng(file), null);
  for (const isBehind of [false, true]) {
    assertEquals(exifOfPng(pngWithExif(file, EXIF, isBehind)), EXIF);
  }
  // The first ones count.
  assertEquals(exifOfPng(pngWithExif(pngWithExif(file, exifData(3)), EXIF)), EXIF);
});

Deno.test("Exif data of a WebP file are found with and without the prefix of JPEG files", async () => {
  const file = await webp(...SIZE, paint);
  assertEquals(exifOfWebp(file), null);
  for (const exif of [EXIF, prefixedExif(6)]) {
    assertEquals(exifOfWebp(webpWithExif(file, SIZE, exif)), EXIF);
  }
  const odd = joined([EXIF, new Uint8Array(1)]);
  assertEquals(exifOfWebp(webpWithExif(file, SIZE, odd)), odd);
});

Deno.test("a segment of a JPEG file without the prefix has no Exif data", () => {
  assertEquals(exifOfSegment(prefixedExif(6)), EXIF);
  assertEquals([exifOfSegment(EXIF), exifOfSegment(new Uint8Array())], [null, null]);
});

Deno.test("of a file that ends too soon, the data that are there are found", async () => {
  const behind = pngWithExif(png(...SIZE, paint), EXIF, true);
  const whole = webpWithExif(await webp(...SIZE, paint), SIZE, EXIF);
  // Behind the data, a PNG file has a checksum and its last chunk.
  for (const [find, file, rest] of [[exifOfPng, behind, 16], [exifOfWebp, whole, 0]] as const) {
    const end = file.length - rest;
    for (let cut = 0; cut < EXIF.length; cut++) {
      assertEquals(find(file.subarray(0, end - cut)), EXIF.subarray(0, EXIF.length - cut));
    }
    assertEquals(find(file.subarray(0, end - EXIF.length - 1)), null);
  }
});

Deno.test("lengths beyond the file and endless chunks end the search", () => {
  const riff = new TextEncoder().encode("RIFF....WEBP") as Uint8Array<ArrayBuffer>;
  for (const length of [0x7fffffff, 0x80000000, 0xffffffff]) {
    const [big, little] = [new Uint8Array(8), new Uint8Array(8)];
    new DataView(big.buffer).setUint32(0, length);
    new DataView(little.buffer).setUint32(4, length, true);
    const start = png(...SIZE, paint).subarray(0, 33);
    assertEquals(exifOfPng(joined([start, big, pngChunk("eXIf", EXIF)])), null, String(length));
    const exif = new Uint8Array(webpChunk("EXIF", [...EXIF]));
    assertEquals(exifOfWebp(joined([riff, little, exif])), null, String(length));
  }
  // More empty chunks than any file has are not searched to their end.
  const many = new Uint8Array(12 * 70_000);
  assertEquals(
    exifOfPng(joined([png(...SIZE, paint).subarray(0, 8), many, pngChunk("eXIf", EXIF)])),
    null,
  );
  assertEquals(
    exifOfWebp(joined([riff, many, new Uint8Array(webpChunk("EXIF", [...EXIF]))])),
    null,
  );
});
