/** Formats of images. */
import { assertEquals } from "@std/assert";
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
