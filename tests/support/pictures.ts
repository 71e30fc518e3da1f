/** Image files made on the spot. */
import { deflateSync } from "node:zlib";
import { crc32 } from "../../src/digest.ts";

/** Red, green and blue of a pixel, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** The colour of a pixel. */
export type Painter = (x: number, y: number) => Colour;

/** A picture whose pixels differ, other ones for each seed. */
export function pattern(seed: number): Painter {
  return (
    x,
    y,
  ) => [(x * 7 + seed * 53) % 256, (y * 5 + seed * 91) % 256, (x * y + seed * 17) % 256];
}

/**
 * A PNG file (PNG 2003) with 8 bits per channel.
 *
 * @param level of compression; 0: the pixels are in the file as they are
 */
export function png(
  width: number,
  height: number,
  paint: Painter,
  level = 6,
): Uint8Array<ArrayBuffer> {
  const rows = new Uint8Array(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows.set(paint(x, y), y * (1 + 3 * width) + 1 + 3 * x);
    }
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  // Truecolour.
  header.setUint8(9, 2);
  return joined([
    new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk("IHDR", new Uint8Array(header.buffer)),
    pngChunk("IDAT", new Uint8Array(deflateSync(rows, { level }))),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

/** A chunk of a PNG file. */
export function pngChunk(type: string, data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const body = joined([new TextEncoder().encode(type) as Uint8Array<ArrayBuffer>, data]);
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, data.length);
  const sum = new DataView(new ArrayBuffer(4));
  sum.setUint32(0, crc32(body));
  return joined([new Uint8Array(view.buffer), body, new Uint8Array(sum.buffer)]);
}

/** A BMP file with 24 bits per pixel. */
export function bmp(width: number, height: number, paint: Painter): Uint8Array<ArrayBuffer> {
  const stride = Math.ceil(3 * width / 4) * 4;
  const bytes = new Uint8Array(54 + stride * height);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = paint(x, height - 1 - y);
      bytes.set([blue, green, red], 54 + y * stride + 3 * x);
    }
  }
  return bytes;
}

/**
 * A GIF file (GIF89a) whose colours are the nearest of 6 levels per channel. Its codes are not compressed.
 */
export function gif(width: number, height: number, paint: Painter): Uint8Array<ArrayBuffer> {
  const level = (value: number) => Math.round(value / 51);
  const palette = new Uint8Array(3 * 256);
  for (let index = 0; index < 216; index++) {
    palette.set(
      [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((at) => 51 * at),
      3 * index,
    );
  }
  // A code of nine bits for each pixel, and one that clears the table before codes grow.
  const codes: number[] = [];
  for (let at = 0; at < width * height; at++) {
    if (at % 250 === 0) codes.push(GIF_CLEAR);
    const [red, green, blue] = paint(at % width, Math.floor(at / width)).map(level);
    codes.push(36 * red! + 6 * green! + blue!);
  }
  codes.push(GIF_CLEAR + 1);
  const data = new Uint8Array(Math.ceil(codes.length * 9 / 8));
  codes.forEach((code, index) => {
    for (let bit = 0; bit < 9; bit++) {
      const place = 9 * index + bit;
      data[place >> 3]! |= (code >> bit & 1) << (place & 7);
    }
  });
  const size = [width & 255, width >> 8, height & 255, height >> 8];
  const parts = [
    [...new TextEncoder().encode("GIF89a"), ...size, 0xf7, 0, 0, ...palette],
    [0x2c, 0, 0, 0, 0, ...size, 0, 8],
  ];
  for (let at = 0; at < data.length; at += 255) {
    const block = data.subarray(at, at + 255);
    parts.push([block.length, ...block]);
  }
  return new Uint8Array([...parts.flat(), 0, 0x3b]);
}

const GIF_CLEAR = 256;

/** Bytes one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
