import { assertEquals } from "@std/assert";
import { orientationOf } from "./orientation.ts";

const encoder = new TextEncoder();
type Bytes = readonly number[];
const text = (value: string): Bytes => [...encoder.encode(value)];
const big32 = (
  value: number,
): Bytes => [value >> 24 & 255, value >> 16 & 255, value >> 8 & 255, value & 255];
const little32 = (value: number): Bytes => big32(value).toReversed();

/** A TIFF file with a width and an orientation. */
function tiff(orientation: number, isLittle: boolean): Bytes {
  const number = (value: number, bytes: number): Bytes => {
    const all = big32(value).slice(4 - bytes);
    return isLittle ? all.toReversed() : all;
  };
  const entry = (tag: number, value: number): Bytes => [
    ...number(tag, 2),
    ...number(3, 2),
    ...number(1, 4),
    ...number(value, 2),
    0,
    0,
  ];
  return [
    ...text(isLittle ? "II" : "MM"),
    ...number(42, 2),
    ...number(8, 4),
    ...number(2, 2),
    ...entry(0x0100, 64),
    ...entry(0x0112, orientation),
    ...number(0, 4),
  ];
}

const segment = (marker: number, data: Bytes): Bytes => [
  0xff,
  marker,
  ...big32(data.length + 2).slice(2),
  ...data,
];
const jpeg = (exif: Bytes): Bytes => [
  0xff,
  0xd8,
  ...segment(0xe0, text("JFIF\0")),
  ...segment(0xe1, text("http://ns.adobe.com/xap/1.0/\0")),
  ...segment(0xe1, [...text("Exif\0\0"), ...exif]),
  ...segment(0xda, [0]),
];
const png = (exif: Bytes): Bytes => {
  const chunk = (type: string, data: Bytes) => [
    ...big32(data.length),
    ...text(type),
    ...data,
    ...big32(0),
  ];
  return [0x89, ...text("PNG\r\n\x1a\n"), ...chunk("IHDR", [0]), ...chunk("eXIf", exif)];
};
const webp = (exif: Bytes): Bytes => {
  const chunk = (type: string, data: Bytes) => [
    ...text(type),
    ...little32(data.length),
    ...data,
    ...data.length % 2 === 0 ? [] : [0],
  ];
  return [...text("RIFF\0\0\0\0WEBP"), ...chunk("VP8X", [0]), ...chunk("EXIF", exif)];
};

const of = (bytes: Bytes) => orientationOf(Uint8Array.from(bytes));

Deno.test("the orientation of JPEG, PNG and WebP files is read in both byte orders", () => {
  for (const file of [jpeg, png, webp]) {
    for (const isLittle of [true, false]) {
      for (let value = 1; value <= 8; value++) {
        assertEquals(of(file(tiff(value, isLittle))), value, `${file.name} ${isLittle}`);
      }
    }
  }
  assertEquals(of(webp([...text("Exif\0\0"), ...tiff(6, true)])), 6);
});

Deno.test("files without an orientation, damaged ones and others are taken as they are", () => {
  const whole = jpeg(tiff(6, true));
  for (let length = 0; length < whole.length; length++) {
    const value = of(whole.slice(0, length));
    assertEquals([1, 6].includes(value), true, `${length}: ${value}`);
  }
  assertEquals(of(jpeg(tiff(9, true))), 1);
  assertEquals(of([0xff, 0xd8, ...segment(0xda, [0])]), 1);
  assertEquals(of([0xff, 0xd8, ...Array<number>(50).fill(0)]), 1);
  assertEquals(of([...text("GIF89a"), ...Array<number>(20).fill(1)]), 1);
});
