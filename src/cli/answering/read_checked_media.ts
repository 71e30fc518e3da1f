import type { MediaInput } from "../../engine/protocol/mod.ts";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { Environment } from "../environment/mod.ts";
import { imageBytes } from "./read_image.ts";
import { soundBytes } from "./read_sound.ts";

/** An image or a sound with a description of its file, such as `PNG, 40 x 30 pixels`. */
export interface DescribedMedia {
  readonly media: MediaInput;
  readonly description: string;
}

/**
 * Reads an image or a sound for a question, and checks it as the model's process does.
 *
 * @throws {ShimmyError} `invalid` with the reason.
 */
export async function readCheckedMedia(
  type: MediaInput["type"],
  path: string,
  environment: Environment,
): Promise<DescribedMedia> {
  const bytes = await (type === "image" ? imageBytes : soundBytes)(path, environment);
  const media: MediaInput = { type, bytes, field: path };
  try {
    return { media, description: await (type === "image" ? describeImage : describeSound)(media) };
  } catch (error) {
    // The caller names the file.
    throw new ShimmyError("invalid", messageOf(error).replace(`${path}: `, ""));
  }
}

async function describeImage(image: MediaInput): Promise<string> {
  const { checkImage } = await import("../../engine/image/mod.ts");
  const { format, width, height } = checkImage(image);
  return `${format}, ${width} x ${height} pixels`;
}

async function describeSound(sound: MediaInput): Promise<string> {
  const { readSoundFile, soundFormat } = await import("../../engine/sound/mod.ts");
  const { length, rate } = await readSoundFile(sound);
  return `${soundFormat(sound.bytes).toUpperCase()}, ${
    Math.round(10 * length / rate) / 10
  } seconds`;
}
