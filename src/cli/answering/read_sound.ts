import type { MediaInput } from "../../engine/protocol/mod.ts";
import { messageOf } from "../../errors.ts";
import type { Environment } from "../environment/mod.ts";
import { UsageError } from "../options/mod.ts";
import { readMediaFile } from "./read_media_file.ts";

/** Maximum bytes of a sound: the limit of the model's process, which is not part of the command line. */
export const MOST_SOUND_BYTES = 25 * 2 ** 20;

/**
 * Reads a sound of `--audio`.
 *
 * @throws {UsageError} if the file cannot be read. The model's process reads the sound itself.
 */
export async function readSound(path: string, environment: Environment): Promise<MediaInput> {
  try {
    return { type: "audio", bytes: await soundBytes(path, environment), field: "--audio" };
  } catch (error) {
    throw new UsageError(`--audio: cannot read '${path}': ${messageOf(error)}`);
  }
}

/**
 * Reads the file of a sound.
 *
 * @throws {ShimmyError} `invalid` with the reason.
 */
export async function soundBytes(
  path: string,
  environment: Environment,
): Promise<Uint8Array<ArrayBuffer>> {
  return await readMediaFile(path, MOST_SOUND_BYTES, environment);
}
