import { resolve } from "@std/path";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import { fileReason, messageOf, ShimmyError } from "../../errors.ts";
import { expandHome, homeFolder } from "../../models/entry/mod.ts";
import type { Environment } from "../environment/mod.ts";
import { UsageError } from "../options/mod.ts";
import { bytes as bytesText } from "../output/mod.ts";

/**
 * Reads an image of `--image`.
 *
 * @throws {UsageError} if the file cannot be read. The model's process reads the image itself.
 */
export async function readImage(path: string, environment: Environment): Promise<MediaInput> {
  try {
    return { type: "image", bytes: await imageBytes(path, environment), field: "--image" };
  } catch (error) {
    throw new UsageError(`--image: cannot read '${path}': ${messageOf(error)}`);
  }
}

/** An image with its format and its size, as text. */
export interface DescribedImage {
  readonly image: MediaInput;
  readonly description: string;
}

/**
 * Reads an image for a question, and checks it as the model's process does.
 *
 * @throws {ShimmyError} `invalid` with the reason.
 */
export async function readCheckedImage(
  path: string,
  environment: Environment,
): Promise<DescribedImage> {
  const image: MediaInput = {
    type: "image",
    bytes: await imageBytes(path, environment),
    field: path,
  };
  const { checkImage, imageHeader } = await import("../../engine/media/mod.ts");
  try {
    await checkImage(image);
  } catch (error) {
    // The caller names the file.
    throw new ShimmyError("invalid", messageOf(error).replace(`${path}: `, ""));
  }
  const { format, width, height } = imageHeader(image.bytes)!;
  return { image, description: `${format}, ${width} x ${height} pixels` };
}

/** @throws {ShimmyError} `invalid` with the reason. */
async function imageBytes(given: string, { env }: Environment): Promise<Uint8Array<ArrayBuffer>> {
  const { MAX_IMAGE_BYTES } = await import("../../engine/media/mod.ts");
  const path = resolve(expandHome(given, homeFolder(env)));
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw new Error("it is no file");
    if (size > MAX_IMAGE_BYTES) {
      const most = bytesText(MAX_IMAGE_BYTES);
      throw new Error(`it has ${bytesText(size)}, and at most ${most} are allowed`);
    }
    return await Deno.readFile(path);
  } catch (error) {
    throw new ShimmyError("invalid", fileReason(error));
  }
}
