/** Formats of images. */
import { assertEquals, assertNotEquals } from "@std/assert";
import {
  exifData,
  pngWithExif,
  prefixedExif,
  webpWithExif,
  withOrientation,
} from "../support/exif.ts";
import { jpeg } from "../support/jpeg.ts";
import { bmp, gif, png } from "../support/pictures.ts";
import { collect } from "../support/engine.ts";
import { animation, webp } from "../support/webp.ts";
import { look, MEDIA_FOLDER, mediaEngine, withModel } from "./setup.ts";

/** A picture with colours that a GIF file has too. */
const paint = (x: number, y: number) => [51 * (x % 6), 51 * (y % 6), 51 * ((x * y) % 6)] as const;

Deno.test(
  "the same picture in each lossless format has the same answer",
  { ignore: MEDIA_FOLDER === null },
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      const answer = async (file: Uint8Array<ArrayBuffer>) =>
        (await collect(engine.generate(look(["a", file, "b"], { cachePrompt: false })))).tokens;
      const size = [41, 30] as const;
      const expected = await answer(png(...size, paint));
      const lossless = await webp(...size, paint);
      const other = await webp(...size, () => [0, 0, 0]);
      assertEquals(await answer(bmp(...size, paint)), expected, "BMP");
      assertEquals(await answer(gif(...size, paint)), expected, "GIF");
      assertEquals(await answer(lossless), expected, "WebP");
      assertEquals(await answer(animation(...size, [lossless, other])), expected, "animated WebP");
      const lossy = await webp(...size, paint, { isLossless: false });
      assertEquals((await answer(lossy)).length, expected.length);
    }),
);

/** A picture of grey squares of 16 pixels, which a JPEG file holds without loss at their edges. */
const squares = (x: number, y: number) => {
  const grey = 40 * (x >> 4) + 90 * (y >> 4);
  return [grey, grey, grey] as const;
};

Deno.test(
  "a JPEG that a camera took sideways or upside down is read upright",
  { ignore: MEDIA_FOLDER === null },
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      const answer = async (file: Uint8Array<ArrayBuffer>) =>
        (await collect(engine.generate(look(["a", file, "b"], { cachePrompt: false })))).tokens;
      const [right, bottom] = [47, 31];
      const upright = await answer(await jpeg(48, 32, squares));
      const right90 = await jpeg(32, 48, (x, y) => squares(right - y, x));
      assertEquals(await answer(withOrientation(right90, 6)), upright);
      const left90 = await jpeg(32, 48, (x, y) => squares(y, bottom - x));
      assertEquals(await answer(withOrientation(left90, 8)), upright);
      const upsideDown = await jpeg(48, 32, (x, y) => squares(right - x, bottom - y));
      assertEquals(await answer(withOrientation(upsideDown, 3)), upright);
      assertNotEquals(await answer(upsideDown), upright);
    }),
);

Deno.test(
  "PNG and WebP files that are stored sideways or upside down are read upright",
  { ignore: MEDIA_FOLDER === null },
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      const answer = async (file: Uint8Array<ArrayBuffer>) =>
        (await collect(engine.generate(look(["a", file, "b"], { cachePrompt: false })))).tokens;
      const [right, bottom] = [40, 29];
      const upright = await answer(png(41, 30, paint));
      const stored = [
        [6, [30, 41], (x: number, y: number) => paint(right - y, x)],
        [8, [30, 41], (x: number, y: number) => paint(y, bottom - x)],
        [3, [41, 30], (x: number, y: number) => paint(right - x, bottom - y)],
      ] as const;
      for (const [orientation, size, turned] of stored) {
        const exif = exifData(orientation);
        const first = png(size[0], size[1], turned);
        assertEquals(await answer(pngWithExif(first, exif)), upright, `PNG ${orientation}`);
        assertNotEquals(await answer(first), upright);
        const second = await webp(size[0], size[1], turned);
        for (const data of [exif, prefixedExif(orientation)]) {
          const file = webpWithExif(second, size, data);
          assertEquals(await answer(file), upright, `WebP ${orientation}`);
        }
      }
    }),
);
