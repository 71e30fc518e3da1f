import { assert, assertEquals } from "@std/assert";
import { pattern } from "../../../tests/support/pictures.ts";
import { animation, webp } from "../../../tests/support/webp.ts";
import { decodeWebp } from "./decode_webp.ts";
import { webpPicture } from "./webp_file.ts";

/** The decoded picture of a file. */
const decoded = (file: Uint8Array<ArrayBuffer>) => decodeWebp(webpPicture(file)!);

/** The picture as a PPM file. */
function ppm(width: number, height: number, seed: number): Uint8Array {
  const paint = pattern(seed);
  const pixels = Array.from(
    { length: width * height },
    (_, index) => paint(index % width, Math.floor(index / width)),
  );
  return new Uint8Array([
    ...new TextEncoder().encode(`P6\n${width} ${height}\n255\n`),
    ...pixels.flat(),
  ]);
}

Deno.test("a lossless picture is decoded to its pixels, also from an animation", async () => {
  const file = await webp(31, 20, pattern(1));
  assertEquals(await decoded(file), ppm(31, 20, 1));
  const second = await webp(31, 20, pattern(2));
  assertEquals(await decoded(animation(31, 20, [second, file])), ppm(31, 20, 2));
});

Deno.test("a lossy picture is decoded to about its pixels", async () => {
  const gray = () => [90, 90, 90] as const;
  const found = await decoded(await webp(40, 30, gray, { isLossless: false }));
  const expected = ppm(40, 30, 1).length;
  assertEquals(found?.length, expected);
  assert(found!.slice(-1200 * 3).every((value) => Math.abs(value - 90) < 8));
});

Deno.test("a damaged picture is told, and the next one is decoded", async () => {
  const file = await webp(200, 100, pattern(1));
  assertEquals(await decoded(file.slice(0, file.length >> 1)), null);
  assertEquals((await decoded(file))?.length, 15 + 200 * 100 * 3);
});
