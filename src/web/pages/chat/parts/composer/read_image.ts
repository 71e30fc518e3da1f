import { IMAGE_TYPES, type MediaFile } from "../../../../conversation/mod.ts";
import { announce } from "../../../../ui/mod.ts";
import { dataUrl } from "./data_url.ts";
import { orientationOf } from "./orientation.ts";

/** Maximum bytes of an image as it is kept and sent. Larger ones are made smaller. */
const LIMIT = 4 * 1024 * 1024;

/** Maximum pixels that the server reads. */
const MOST_PIXELS = 32 * 1024 * 1024;

/** Maximum pixels of a side of an image that is made smaller: more than the encoders of models read. */
const SIDE = 2048;

/** Quality of a JPEG whose PNG would be too large. */
const QUALITY = 0.9;

/** Whether a file is an image. SVG is text. */
export function isImage({ type }: Pick<File, "type">): boolean {
  return type.startsWith("image/") && !type.startsWith("image/svg");
}

/**
 * An image as the server reads it. The browser converts an image of another format, one that is too large, and
 * one that its file tells to turn, which decoders of models do not do. The user is told.
 *
 * @throws {Error} if the browser cannot read the image.
 */
export async function readImage(file: File): Promise<MediaFile> {
  const { name } = file;
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new Error("this browser cannot read the image");
  });
  try {
    const isReadable = IMAGE_TYPES.some((type) => type === file.type) &&
      bitmap.width * bitmap.height <= MOST_PIXELS && file.size <= LIMIT;
    if (isReadable && orientationOf(new Uint8Array(await file.arrayBuffer())) === 1) {
      return { name, url: await dataUrl(file) };
    }
    const { blob, width, height } = await converted(bitmap);
    const format = blob.type === "image/png" ? "PNG" : "JPEG";
    announce(`${name} is sent as a ${format} of ${width} x ${height} pixels`);
    return { name, url: await dataUrl(blob) };
  } finally {
    bitmap.close();
  }
}

/** A picture as a PNG, or as a JPEG where that is too large. */
async function converted(bitmap: ImageBitmap) {
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height]
    .map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  context.drawImage(bitmap, 0, 0, width, height);
  const png = await canvas.convertToBlob({ type: "image/png" });
  if (png.size <= LIMIT) return { blob: png, width, height };
  // A JPEG has no transparent pixels.
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return { blob, width, height };
}
