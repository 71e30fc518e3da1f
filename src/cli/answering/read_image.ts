import type { MediaInput } from "../../engine/protocol/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { Environment } from "../environment/mod.ts";
import { UsageError } from "../options/mod.ts";
import { readMediaFile } from "./read_media_file.ts";

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
  const { checkImage } = await import("../../engine/image/mod.ts");
  try {
    const { format, width, height } = checkImage(image);
    return { image, description: `${format}, ${width} x ${height} pixels` };
  } catch (error) {
    // The caller names the file.
    throw new ShimmyError("invalid", messageOf(error).replace(`${path}: `, ""));
  }
}

/** @throws {ShimmyError} `invalid` with the reason. */
async function imageBytes(
  path: string,
  environment: Environment,
): Promise<Uint8Array<ArrayBuffer>> {
  const { MAX_IMAGE_BYTES } = await import("../../engine/image/mod.ts");
  return await readMediaFile(path, MAX_IMAGE_BYTES, environment);
}
