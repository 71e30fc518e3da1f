import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { pattern, png } from "../../../tests/support/pictures.ts";
import { ShimmyError } from "../../errors.ts";
import { checkImage, checkPixels, MAX_IMAGE_BYTES } from "./check_image.ts";

const input = (bytes: Uint8Array<ArrayBuffer>) =>
  ({ type: "image", bytes, field: "images[0]" }) as const;

/** A PNG file that claims another size. */
function claiming(width: number, height: number): Uint8Array<ArrayBuffer> {
  const bytes = png(2, 2, pattern(1));
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

Deno.test("an image that must not be decoded is refused with its field", () => {
  const cases = [
    [new Uint8Array(MAX_IMAGE_BYTES + 1), "has 20971521 bytes; at most 20971520 are allowed"],
    [new Uint8Array([1, 2, 3]), "is not a PNG, JPEG, WebP, GIF or BMP file"],
    [claiming(0, 5), "has 0 x 5 pixels"],
    [claiming(1, 201), "has 1 x 201 pixels; a side may have at most 200 times the other"],
    [claiming(65_536, 65_536), "has 65536 x 65536 pixels; at most 33554432 are allowed"],
  ] as const;
  for (const [bytes, what] of cases) {
    assertThrows(() => checkImage(input(bytes)), ShimmyError, `images[0]: the image ${what}`);
  }
});

Deno.test("a PNG whose pixels are more than its header tells is refused before it is decoded", async () => {
  const bytes = png(200, 200, pattern(1));
  new DataView(bytes.buffer).setUint32(20, 10);
  await assertRejects(
    () => checkPixels(input(bytes)),
    ShimmyError,
    "images[0]: the image cannot be decoded",
  );
  // Missing pixels are noticed by the decoder.
  await checkPixels(input(claiming(8192, 4096)));
});

Deno.test("an image within the limits is accepted", async () => {
  for (const [width, height] of [[2, 2], [300, 200]] as const) {
    const image = input(png(width, height, pattern(1)));
    assertEquals(checkImage(image), { format: "PNG", width, height });
    await checkPixels(image);
  }
});
