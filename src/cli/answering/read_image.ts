import type { MediaInput } from "../../engine/protocol/mod.ts";
import { messageOf } from "../../errors.ts";
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

/**
 * Reads the file of an image.
 *
 * @throws {ShimmyError} `invalid` with the reason.
 */
export async function imageBytes(
  path: string,
  environment: Environment,
): Promise<Uint8Array<ArrayBuffer>> {
  const { MAX_IMAGE_BYTES } = await import("../../engine/image/mod.ts");
  return await readMediaFile(path, MAX_IMAGE_BYTES, environment);
}
