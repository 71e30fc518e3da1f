/** Models with random weights that read audio. */
import { join } from "node:path";
import { type AudioTower, audioTowerFile } from "../models/audio_towers.ts";
import { storiesModel } from "../models/stories.ts";
import type { MediaModel } from "./setup.ts";

/** Calls a function with the files of a model. */
export async function withAudioModel(
  kind: AudioTower,
  use: (files: MediaModel) => Promise<void>,
  textModel: () => Uint8Array<ArrayBuffer> = storiesModel,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-audio-" });
  try {
    const files = { model: join(folder, "model.gguf"), projector: join(folder, "mmproj.gguf") };
    await Deno.writeFile(files.model, textModel());
    await Deno.writeFile(files.projector, audioTowerFile(kind));
    await use(files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
