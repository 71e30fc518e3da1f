import { assertEquals } from "@std/assert";
import {
  exifData,
  pngWithExif,
  webpWithExif,
  withOrientation,
} from "../../../tests/support/exif.ts";
import { jpeg } from "../../../tests/support/jpeg.ts";
import { bmp, pattern, png } from "../../../tests/support/pictures.ts";
import { webp } from "../../../tests/support/webp.ts";
import { imageHeader, jpegScans } from "./image_header.ts";

const paint = pattern(1);

Deno.test("format and size of each format are read", () => {
  assertEquals(imageHeader(png(30, 20, paint)), { format: "PNG", width: 30, height: 20 });
  assertEquals(imageHeader(bmp(30, 20, paint)), { format: "BMP", width: 30, height: 20 });
  const gif = new Uint8Array([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 30, 0, 20, 1, 0, 0, 0]);
  assertEquals(imageHeader(gif), { format: "GIF", width: 30, height: 276 });
});

Deno.test("a JPEG's size is that of its frame, after other segments", () => {
  const segment = (
    marker: number,
    ...bytes: number[]
  ) => [0xff, marker, 0, bytes.length + 2, ...bytes];
  const frame = segment(0xc2, 8, 0, 20, 1, 4, 3);
  const jpeg = [0xff, 0xd8, ...segment(0xe0, 1, 2, 3), 0xff, ...segment(0xc4, 9), ...frame];
  assertEquals(imageHeader(new Uint8Array(jpeg)), { format: "JPEG", width: 260, height: 20 });
});

Deno.test("the size of a JPEG is that of the picture as it is shown", async () => {
  const file = await jpeg(24, 16, paint);
  assertEquals(imageHeader(withOrientation(file, 1)), { format: "JPEG", width: 24, height: 16 });
  const upsideDown = { format: "JPEG", width: 24, height: 16, orientation: 3 } as const;
  assertEquals(imageHeader(withOrientation(file, 3)), upsideDown);
  const sideways = { format: "JPEG", width: 16, height: 24, orientation: 6 } as const;
  assertEquals(imageHeader(withOrientation(file, 6)), sideways);
  assertEquals(imageHeader(withOrientation(withOrientation(file, 3), 6)), sideways);
});

Deno.test("the size of a PNG or WebP file is that of the picture as it is shown", async () => {
  const size = [24, 16] as const;
  const stored = { width: 24, height: 16 };
  const [first, second] = [png(...size, paint), await webp(...size, paint)];
  for (let orientation = 1; orientation <= 8; orientation++) {
    const exif = exifData(orientation);
    const sideways = orientation > 4 ? { width: 16, height: 24 } : stored;
    const shown = orientation === 1 ? stored : { ...sideways, orientation };
    assertEquals(imageHeader(pngWithExif(first, exif)), { format: "PNG", ...shown });
    assertEquals(imageHeader(pngWithExif(first, exif, true)), { format: "PNG", ...shown });
    assertEquals(imageHeader(webpWithExif(second, size, exif)), { format: "WebP", ...shown });
  }
});

Deno.test("the height of a BMP whose first row is the top is positive", () => {
  const bytes = bmp(3, 2, paint);
  new DataView(bytes.buffer).setInt32(22, -2, true);
  assertEquals(imageHeader(bytes)?.height, 2);
});

Deno.test("other formats and cut files have no header", () => {
  const whole = png(30, 20, paint);
  for (const length of [0, 4, 8, 15, 20]) {
    assertEquals(imageHeader(whole.subarray(0, length)), null);
  }
  assertEquals(imageHeader(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4])), null);
  assertEquals(imageHeader(new TextEncoder().encode("RIFF....WEBPVP8 ")), null);
  assertEquals(imageHeader(new TextEncoder().encode("<svg></svg>")), null);
});

Deno.test("the scans of a JPEG file are counted up to a limit", () => {
  const scans = (count: number) =>
    new Uint8Array(Array(count).fill([0xff, 0xda, 0, 2, 1, 0xff, 0]).flat());
  assertEquals(jpegScans(new Uint8Array([1, 2]), 5), 0);
  assertEquals(jpegScans(scans(3), 5), 3);
  assertEquals(jpegScans(scans(50), 5), 6);
});
