import { assertEquals } from "@std/assert";
import { pattern } from "../../../tests/support/pictures.ts";
import { animation, webp } from "../../../tests/support/webp.ts";
import { webpFile, webpPicture } from "./webp_file.ts";

const paint = pattern(1);

/** Size and kind of the picture in a file. */
function found(bytes: Uint8Array<ArrayBuffer>) {
  const picture = webpPicture(bytes);
  if (picture === null) return null;
  const { width, height, chunk } = picture;
  return [new TextDecoder().decode(chunk.subarray(0, 4)), width, height];
}

Deno.test("the picture of a file and its size are found", async () => {
  assertEquals(found(await webp(30, 20, paint)), ["VP8L", 30, 20]);
  assertEquals(found(await webp(301, 20, paint, { isLossless: false })), ["VP8 ", 301, 20]);
});

Deno.test("of an animation, the first picture is found", async () => {
  const files = [await webp(30, 20, paint), await webp(30, 20, pattern(2), { isLossless: false })];
  assertEquals(found(animation(30, 20, files)), ["VP8L", 30, 20]);
  assertEquals(found(animation(30, 20, files.toReversed())), ["VP8 ", 30, 20]);
  assertEquals(found(animation(30, 20, [])), null);
});

Deno.test("a file with a picture alone has the same picture", async () => {
  const file = await webp(30, 20, paint);
  const picture = webpPicture(file)!;
  assertEquals(webpFile(picture), file);
  assertEquals(webpPicture(webpFile(webpPicture(animation(30, 20, [file]))!)), picture);
});

Deno.test("cut files and other files have no picture", async () => {
  const file = await webp(30, 20, paint);
  for (const length of [0, 4, 12, 16, 20, 24]) {
    assertEquals(webpPicture(file.slice(0, length)), null, String(length));
  }
  const other = file.slice();
  other[20] = 0;
  assertEquals(webpPicture(other), null);
  const wave = new TextEncoder().encode("RIFF....WAVEfmt ............");
  assertEquals(webpPicture(wave as Uint8Array<ArrayBuffer>), null);
});

Deno.test("a file of many empty chunks is not searched to its end", () => {
  const bytes = new Uint8Array(12 + 8 * 100_000);
  bytes.set(new TextEncoder().encode("RIFF....WEBP"));
  bytes.set(new TextEncoder().encode("VP8L"), bytes.length - 8);
  assertEquals(webpPicture(bytes), null);
});
