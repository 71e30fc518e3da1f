import { resolve } from "@std/path";
import type { MediaInput } from "../../engine/protocol/mod.ts";
import { fileReason } from "../../errors.ts";
import { expandHome, homeFolder } from "../../models/entry/mod.ts";
import type { Environment } from "../environment/mod.ts";
import { UsageError } from "../options/mod.ts";

/**
 * Reads a sound of `--audio`.
 *
 * @throws {UsageError} if the file cannot be read. The model's process reads the sound itself.
 */
export async function readSound(path: string, { env }: Environment): Promise<MediaInput> {
  try {
    const bytes = await Deno.readFile(resolve(expandHome(path, homeFolder(env))));
    return { type: "audio", bytes, field: "--audio" };
  } catch (error) {
    throw new UsageError(`--audio: cannot read '${path}': ${fileReason(error)}`);
  }
}
