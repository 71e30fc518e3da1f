/** JPEG files made on the spot. */
import encode from "test:jsquash-jpeg";
import type { Painter } from "./pictures.ts";

/** A JPEG file, with one scan or with several (progressive). */
export async function jpeg(
  width: number,
  height: number,
  paint: Painter,
  { isProgressive = false } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([...paint(x, y), 255], 4 * (y * width + x));
  }
  const picture = { data, width, height } as ImageData;
  return new Uint8Array(await encode(picture, { progressive: isProgressive, quality: 90 }));
}
